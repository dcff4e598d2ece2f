"""Addresses of keys in tokens: PKCS#11 URIs (RFC 7512), and what SSLCertStore may be for such a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from postwright.errors import CertificateStoreUnreadable

if TYPE_CHECKING:
    from postwright.tls.credentials import PKCS11Key

WHAT = "the PKCS#11 token"
SCHEME = "pkcs11:"

TOKEN = ("token", "manufacturer", "model", "serial")
"""The attributes that say which token it is."""
_PATH = {*TOKEN, "object", "id", "type"}
_QUERY = {"module-path", "module-name", "pin-value"}


class Place(NamedTuple):
    """What SSLCertStore says: a library, which token and object, and perhaps a certificate that was saved before."""

    module: str
    """The path of the library; empty for the system's own."""
    pin: str
    wanted: dict[str, bytes]
    """The attributes of the URI, decoded."""
    saved: bytes


def parse(store: bytes, password: str) -> Place:
    """Return the parts of a store: a URI, or a library's path, then perhaps a new line and a saved certificate.

    Raises:
        CertificateStoreUnreadable: It is none of these.
    """
    first, _, saved = store.strip().partition(b"\n")
    place = first.strip().decode("utf-8", "surrogateescape")
    if not place.isprintable() or not place:
        raise CertificateStoreUnreadable(
            "for a PKCS#11 token, ssl_cert_store is a URI (pkcs11:token=...;object=...), or the path of the token's "
            "library; a saved certificate may follow on the next line"
        )
    if not place.startswith(SCHEME):
        return Place(place, password, {}, saved.strip())
    path, _, query = place.removeprefix(SCHEME).partition("?")
    wanted = _attributes(path, ";", _PATH)
    asked = _attributes(query, "&", _QUERY)
    module = asked.get("module-path", asked.get("module-name", b"")).decode("utf-8", "surrogateescape")
    pin = password or asked.get("pin-value", b"").decode("utf-8", "replace")
    return Place(module, pin, wanted, saved.strip())


def _attributes(text: str, separator: str, known: set[str]) -> dict[str, bytes]:
    found = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if name == "pin-source":
            raise CertificateStoreUnreadable("pin-source is not read: give the PIN as ssl_cert_store_password")
        if not equals or name not in known:
            raise CertificateStoreUnreadable(
                f"the PKCS#11 URI has '{name[:40]}', and what is read of it is {', '.join(sorted(known))}"
            )
        found[name] = unquote_to_bytes(value)
    return found


def key_uri(token: dict[str, bytes], key_id: bytes, label: bytes) -> str:
    """Return the address of a private key: by its id, or by its label where it has none."""
    parts = [f"{name}={quote_from_bytes(token[name], safe='')}" for name in ("token", "serial") if token.get(name)]
    if key_id:
        parts.append("id=" + "".join(f"%{byte:02X}" for byte in key_id))
    elif label:
        parts.append(f"object={quote_from_bytes(label, safe='')}")
    return SCHEME + ";".join([*parts, "type=private"])


def saved(key: PKCS11Key, pem: bytes) -> bytes:
    """Return what SSLCertStore takes to find a key and its certificate again without a search in the token."""
    module = f"?module-path={quote(key.module)}" if key.module else ""
    return f"{key.uri}{module}\n".encode("utf-8", "surrogateescape") + pem
