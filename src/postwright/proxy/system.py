"""The system's own proxy settings (FirewallAutoDetect): which proxy, if any, leads to a mail server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from postwright.proxy.dialogue import Proxy
from postwright.proxy.exceptions import excepted

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("smtp", "all", "socks")
"""The settings that count, the first one that is set. smtp_proxy and all_proxy are what curl takes for mail; the
systems with a control panel, and some people, set socks. http_proxy and https_proxy are for the web: such a proxy
seldom lets mail through, and it is set nearly everywhere."""

_SCHEMES = {
    "http": (FirewallType.TUNNEL, 80),
    "socks": (FirewallType.SOCKS4, 1080),  # as curl and Windows understand it
    "socks4": (FirewallType.SOCKS4, 1080),
    "socks4a": (FirewallType.SOCKS4A, 1080),
    "socks5": (FirewallType.SOCKS5, 1080),
    "socks5h": (FirewallType.SOCKS5, 1080),
}
_URL = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?"  # a scheme
    r"(?:(.*)@)?"  # user:password, up to the last @
    r"(\[[^\[\]]*\]|[^\s:/?#\[\]@]+)(?::([0-9]{1,5}))?/*",
    re.DOTALL,
)


def from_system(proxies: Mapping[str, str], host: str, port: int) -> Proxy | None:
    """Return the proxy that the system's settings name for a mail server; None when there is none for it.

    Args:
        proxies: What ``urllib.request.getproxies()`` returns: the variables ``smtp_proxy``, ``all_proxy``,
            ``socks_proxy`` and ``no_proxy``, in small or capital letters, by their names without ``_proxy``; on
            macOS and Windows the settings of the system.
        host: The mail server's name or address.
        port: The mail server's port.

    Raises:
        InvalidValue: The setting can't be understood, or names a proxy that can't be used here.
    """
    key = next((key for key in KEYS if proxies.get(key)), None)
    if key is None or excepted(proxies.get("no", ""), host, port, below=True):
        return None
    return parse(proxies[key], f"{key}_proxy", bare="socks5" if key == "socks" else "http")


def parse(url: str, what: str, *, bare: str = "http") -> Proxy:
    """Return the proxy that a text names, such as ``socks5://user:password@proxy.example:1080``.

    User and password are percent-decoded. ``socks5`` and ``socks5h`` are the same: the proxy resolves names.

    Args:
        url: The text.
        what: What it is called in errors, which never show the text: it may hold a password.
        bare: The scheme that is meant when there is none.

    Raises:
        InvalidValue: It is not understood, or its scheme is unknown.
    """
    match = _URL.fullmatch(url.strip())
    if not match:
        raise InvalidValue(f"{what} is not of the form scheme://user:password@host:port")
    scheme, login, host, port = match.groups("")
    scheme = scheme.lower() or bare
    if bare == "socks5" and scheme == "http":  # so macOS writes its SOCKS setting
        scheme = bare
    if scheme not in _SCHEMES:
        raise InvalidValue(f"{what} has the scheme '{scheme}'; known are {', '.join(_SCHEMES)}")
    kind, usual = _SCHEMES[scheme]
    number = int(port or usual)
    if not 1 <= number <= 65535:
        raise InvalidValue(f"{what} has the port {port}")
    user, _, password = login.partition(":")
    return Proxy(kind, host.strip("[]"), number, _decoded(user, what), _decoded(password, what))


def _decoded(text: str, what: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 - most connections need no proxy

    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidValue(f"user and password in {what} are not percent-encoded UTF-8") from None
