"""Keys that stay in a token (PKCS#11): OpenSSL signs with them through its engine ``pkcs11``, by the Platform provider.

``ssl`` has no call for a key that is no file. So the key is given to the context by OpenSSL's own functions, in the very
library that ``ssl`` has loaded; whether the right one was found is checked before anything is changed.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import cryptoki, files
from postwright.tls.credentials import PKCS11Key
from postwright.tls.names import pem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from postwright.tls.credentials import Credential

INSTALL = (
    "OpenSSL's engine for PKCS#11 is needed: install libengine-pkcs11-openssl (Debian, Ubuntu), openssl-pkcs11 (Fedora) or "
    "libp11 (others), for the OpenSSL that Python uses"
)
_EVERYTHING = 0x640  # OPENSSL_INIT_ENGINE_DYNAMIC, _OPENSSL and LOAD_CONFIG: look for engines where they are installed
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_CRYPTO = {
    "OPENSSL_init_crypto": (_INT, (ctypes.c_uint64, _POINTER)),
    "ENGINE_by_id": (_POINTER, (_TEXT,)),
    "ENGINE_ctrl_cmd_string": (_INT, (_POINTER, _TEXT, _TEXT, _INT)),
    "ENGINE_init": (_INT, (_POINTER,)),
    "ENGINE_load_private_key": (_POINTER, (_POINTER, _TEXT, _POINTER, _POINTER)),
    "EVP_PKEY_free": (None, (_POINTER,)),
    "ERR_clear_error": (None, ()),
}
_SSL = {
    "SSL_CTX_get_options": (ctypes.c_uint64, (_POINTER,)),
    "SSL_CTX_use_certificate_chain_file": (_INT, (_POINTER, _TEXT)),
    "SSL_CTX_use_PrivateKey": (_INT, (_POINTER, _POINTER)),
    "SSL_CTX_check_private_key": (_INT, (_POINTER,)),
}
_engines: dict[str, int] = {}
"""The engine, by the path of the PKCS#11 library that it was started with: it takes one."""


def load(made: ssl.SSLContext, credential: Credential) -> None:
    """Let a context of ``ssl`` use a token's key.

    Raises:
        CertificateStoreUnreadable: OpenSSL has no engine for tokens, or can't be reached.
        CredentialsUnusable: The key is not in the token, or does not belong to the certificate.
    """
    key = credential.key
    assert isinstance(key, PKCS11Key)
    crypto, library = _library("libcrypto.so", _CRYPTO), _library("libssl.so", _SSL)
    pointer = _POINTER.from_address(id(made) + object.__basicsize__)  # of SSL_CTX, the first field of the object
    if library.SSL_CTX_get_options(pointer) != int(made.options) & 0xFFFFFFFFFFFFFFFF:
        raise CertificateStoreUnreadable("the OpenSSL that Python uses can't be reached for a key in a token")
    pin = f"?pin-value={quote(key.pin, safe='')}" if key.pin else ""
    with cryptoki.GUARD:
        engine = _engine(crypto, key.module)
        found = crypto.ENGINE_load_private_key(engine, f"{key.uri}{pin}".encode(), None, None)
    if not found:
        crypto.ERR_clear_error()
        raise CredentialsUnusable(f"the token does not give the key {key.uri} to OpenSSL")
    with files.named(b"".join(map(pem, (credential.certificate, *credential.chain)))) as path:
        fits = library.SSL_CTX_use_certificate_chain_file(pointer, path.encode()) == 1
    fits = fits and library.SSL_CTX_use_PrivateKey(pointer, found) == 1
    fits = fits and library.SSL_CTX_check_private_key(pointer) == 1
    crypto.EVP_PKEY_free(found)  # the context has its own hold on it
    if not fits:
        crypto.ERR_clear_error()
        raise CredentialsUnusable(f"the key {key.uri} does not belong to the client certificate, or is too weak")


def _engine(crypto: ctypes.CDLL, module: str) -> int:
    if module in _engines:
        return _engines[module]
    if _engines:
        raise CertificateStoreUnreadable(
            f"OpenSSL's engine uses {next(iter(_engines)) or 'the default PKCS#11 library'} already in this process, and "
            f"can't use {module} beside it"
        )
    crypto.OPENSSL_init_crypto(_EVERYTHING, None)
    engine = crypto.ENGINE_by_id(b"pkcs11")
    if not engine:
        crypto.ERR_clear_error()
        raise CertificateStoreUnreadable(INSTALL)
    if module and crypto.ENGINE_ctrl_cmd_string(engine, b"MODULE_PATH", module.encode(), 0) != 1:
        raise CertificateStoreUnreadable(f"OpenSSL's engine does not take the PKCS#11 library {module}")
    if crypto.ENGINE_init(engine) != 1:
        crypto.ERR_clear_error()
        raise CertificateStoreUnreadable(f"OpenSSL's engine can't start the PKCS#11 library {module}")
    started: int = engine
    _engines[module] = started
    return started


def _library(name: str, functions: Mapping[str, tuple[type | None, tuple[type, ...]]]) -> ctypes.CDLL:
    """Return a library of OpenSSL that is loaded already, with its functions described."""
    if sys.implementation.name != "cpython" or not sys.platform.startswith("linux"):
        raise CertificateStoreUnreadable("keys in PKCS#11 tokens work with CPython on Linux only")
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            path = next(line.split()[-1] for line in maps if f"/{name}" in line)
        library = ctypes.CDLL(path)
        for function, (result, arguments) in functions.items():
            described = getattr(library, function)
            described.restype, described.argtypes = result, arguments
    except (OSError, StopIteration) as error:
        raise CertificateStoreUnreadable(f"Python's OpenSSL is no shared library here ({name}). {INSTALL}") from error
    except AttributeError as error:  # OpenSSL 4 has no engines
        raise CertificateStoreUnreadable(f"this OpenSSL has no engines: {error}. {INSTALL}") from error
    return library
