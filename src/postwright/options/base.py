"""The settings of the library itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import postwright
from postwright import errors
from postwright.options import codepages
from postwright.options.kinds import BOOLEAN, LINE, MILLISECONDS, Integer
from postwright.options.option import Option, OptionSet

if TYPE_CHECKING:
    from postwright.options.option import Store


def _build() -> str:
    return f"postwright {postwright.__version__}, Python {sys.version.split()[0]} on {sys.platform}"


def _fips() -> bool:
    """Whether OpenSSL runs in FIPS mode; that is a fact of the process, decided by OpenSSL's configuration."""
    try:
        from _hashlib import get_fips_mode  # noqa: PLC0415 - loads OpenSSL; nobody else here needs it
    except ImportError:
        return False
    return bool(get_fips_mode())


def _check_fips(store: Store, value: bool) -> None:
    store.values.pop("use_fips_compliant_api", None)
    if value and not _fips():
        raise errors.NotAvailable(
            "UseFIPSCompliantAPI: OpenSSL is not in FIPS mode in this process. Install its FIPS provider and activate "
            "it in openssl.cnf (fips_module(7)); Python can't switch it on"
        )
    if not value and _fips():
        raise errors.NotAvailable("UseFIPSCompliantAPI: OpenSSL is in FIPS mode, and Python can't switch it off")


class CodePage(Integer):
    """A code page that Python has a codec for."""

    def __init__(self) -> None:
        super().__init__(1, 2**32 - 1)

    def check(self, name: str, value: object) -> int:
        """Take the pages of ``codepages``; others are error 434."""
        page = super().check(name, value)
        if wrong := codepages.missing(page):
            raise errors.TextNotEncodable(f"{name} {page}: {wrong}")
        return page


class BaseSettings(OptionSet):
    """Build, code page, masking and waiting."""

    __slots__ = ()

    build_info = Option(
        "BuildInfo", LINE, "", "This version and the Python it runs on.", read_only=True, compute=_build
    )
    code_page = Option(
        "CodePage",
        CodePage(),
        codepages.UTF_8,
        "The code page of texts that are not ASCII, where Charset is empty; 65001 is UTF-8.",
    )
    license_info = Option(
        "LicenseInfo",
        LINE,
        "",
        "The licence of this library.",
        read_only=True,
        compute=lambda: "MIT License: free to use, change and share; see the file LICENSE",
    )
    mask_sensitive = Option("MaskSensitive", BOOLEAN, True, "Whether PITrail hides passwords and tokens.")
    process_idle_events = Option(
        "ProcessIdleEvents",
        BOOLEAN,
        True,
        "Whether AsyncSMTP notices at once, between calls, that the server closed the connection.",
    )
    select_wait_millis = Option(
        "SelectWaitMillis", MILLISECONDS, 20, "How long do_events() waits for the server to say something."
    )
    use_fips_compliant_api = Option(
        "UseFIPSCompliantAPI",
        BOOLEAN,
        False,
        "Whether only FIPS-certified algorithms are used, in this whole process.",
        compute=_fips,
        then=_check_fips,
    )
    use_internal_security_api = Option(
        "UseInternalSecurityAPI",
        BOOLEAN,
        False,
        "Whether SSLProvider AUTOMATIC means INTERNAL.",
        differs="the system's TLS library gets its security fixes from the system",
    )
