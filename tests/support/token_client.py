"""A process of its own that looks into tokens: a PKCS#11 library keeps its state as long as its process lives.

Standard input is a JSON object with what ``load`` takes, or ``search``; the answer is one too. With ``threads``, that many
threads log in at once with the key in the token, through OpenSSL's engine for PKCS#11 (libengine-pkcs11-openssl).
"""

from __future__ import annotations

import ctypes
import json
import os
import ssl
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from postwright.enums import SSLCertStoreType
from postwright.errors import SMTPError
from postwright.tls.credentials import PKCS11Key
from postwright.tls.stores import load, search, subject_of
from tests.support.client_certificates import log_in

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential


class Engine:
    """OpenSSL's engine for PKCS#11, in the OpenSSL that ``ssl`` uses."""

    def __init__(self, key: PKCS11Key) -> None:
        self._crypto, self._ssl = (ctypes.CDLL(_mapped(name)) for name in ("libcrypto.so", "libssl.so"))
        for function in (self._crypto.ENGINE_by_id, self._crypto.ENGINE_load_private_key):
            function.restype = ctypes.c_void_p
        self._crypto.OPENSSL_init_crypto(ctypes.c_uint64(0x640), None)
        self._engine = ctypes.c_void_p(self._crypto.ENGINE_by_id(b"pkcs11"))
        assert self._engine.value, "no engine"
        for name, value in ((b"MODULE_PATH", key.module.encode()), (b"PIN", key.pin.encode())):
            assert self._crypto.ENGINE_ctrl_cmd_string(self._engine, name, value, 0)
        assert self._crypto.ENGINE_init(self._engine)
        found = self._crypto.ENGINE_load_private_key(self._engine, key.uri.encode(), None, None)
        assert found, f"the engine does not find {key.uri}"
        self._key = ctypes.c_void_p(found)

    def context(self, credential: Credential) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
        with tempfile.NamedTemporaryFile("w") as file:
            file.writelines(map(ssl.DER_cert_to_PEM_cert, (credential.certificate, *credential.chain)))
            file.flush()
            assert self._ssl.SSL_CTX_use_certificate_chain_file(pointer, file.name.encode()) == 1
        assert self._ssl.SSL_CTX_use_PrivateKey(pointer, self._key) == 1
        assert self._ssl.SSL_CTX_check_private_key(pointer) == 1
        return context


def _mapped(name: str) -> str:
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if name in line)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    store = bytes.fromhex(asked["store"])
    if "subject" not in asked:
        found = search(SSLCertStoreType(asked["kind"]), store, asked["pin"])
        return {"found": [[one.subject, one.has_key, one.saved.hex()] for one in found]}
    encoded = bytes.fromhex(asked.get("encoded", ""))
    credential = load(SSLCertStoreType(asked["kind"]), store, asked["pin"], asked["subject"], encoded)
    key = credential.key
    assert isinstance(key, PKCS11Key)
    if threads := asked.get("threads", 0):
        engine = Engine(key)

        def one(number: int) -> bool:
            if number % 4 == 0:  # a store is opened while others sign
                load(SSLCertStoreType(asked["kind"]), store, asked["pin"], asked["subject"], encoded)
            return log_in(engine.context(credential), asked["trusted"]) == credential.certificate

        with ThreadPoolExecutor(threads) as pool:
            assert all(pool.map(one, range(4 * threads)))
    return {
        "subject": subject_of(credential),
        "chain": len(credential.chain),
        "uri": key.uri,
        "pin": key.pin,
        "module": key.module,
        "repr": repr(credential) + repr(key),
    }


if __name__ == "__main__":
    question = json.load(sys.stdin)
    try:
        said = answer(question)
    except SMTPError as error:
        said = {"code": error.code, "error": error.message}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    if "threads" in question:
        os._exit(0)  # SoftHSM and OpenSSL's engine don't get along at the end of a process
