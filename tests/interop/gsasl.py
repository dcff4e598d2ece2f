"""GNU SASL (libgsasl) as the judge of logins: it does SCRAM with channel binding."""

import base64
import ctypes

from tests.interop.judged import Verdict
from tests.interop.servers import STATE, missing

# gsasl.h
OK, NEEDS_MORE, NO_CALLBACK = 0, 1, 51
VERDICTS = {OK: Verdict.YES, NEEDS_MORE: Verdict.NOT_YET}
AUTHID, AUTHZID, PASSWORD, SERVICE, HOSTNAME, REALM = 1, 2, 3, 5, 6, 9
CB_TLS_UNIQUE, CB_TLS_EXPORTER = 18, 25
VALIDATE_SIMPLE = 500

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
PASSWORDS = {"alice": "alicepw", "jürgen": "pässwörd", "odd=name,here": "=,=,"}


def library() -> ctypes.CDLL:
    """libgsasl, as unpacked by install.sh."""
    found = sorted((STATE / "prefix" / "gsasl").glob("usr/lib/*/libgsasl.so.*.*"))
    if not found:
        missing("GNU SASL is not installed (tests/interop/install.sh)")
    loaded = ctypes.CDLL(str(found[0]))
    loaded.gsasl_property_get.restype = ctypes.c_char_p
    loaded.gsasl_property_fast.restype = ctypes.c_char_p
    loaded.gsasl_strerror_name.restype = ctypes.c_char_p
    return loaded


class GnuSasl:
    """One login, seen by libgsasl."""

    def __init__(self, mechanism: str, bindings: dict[str, bytes]) -> None:
        self._gsasl = library()
        kinds = {"tls-unique": CB_TLS_UNIQUE, "tls-exporter": CB_TLS_EXPORTER}
        self._bindings = {kinds[kind]: binding for kind, binding in bindings.items() if kind in kinds}
        self._context = ctypes.c_void_p()
        self._session = ctypes.c_void_p()
        self._callback = Callback(self._property)  # kept as long as libgsasl may call it
        assert self._gsasl.gsasl_init(ctypes.byref(self._context)) == OK
        self._gsasl.gsasl_callback_set(self._context, self._callback)
        code = self._gsasl.gsasl_server_start(self._context, mechanism.encode(), ctypes.byref(self._session))
        assert code == OK, self._gsasl.gsasl_strerror_name(code)

    def _property(self, _: object, session: int, wanted: int) -> int:
        def give(text: bytes) -> int:
            self._gsasl.gsasl_property_set(ctypes.c_void_p(session), wanted, text)
            return OK

        get = self._gsasl.gsasl_property_get
        if wanted in self._bindings:
            return give(base64.b64encode(self._bindings[wanted]))
        if wanted == PASSWORD:
            user = get(ctypes.c_void_p(session), AUTHID).decode()
            return give(PASSWORDS[user].encode()) if user in PASSWORDS else NO_CALLBACK
        if wanted == REALM:
            return give(b"localhost")
        if wanted == VALIDATE_SIMPLE:
            user = self._gsasl.gsasl_property_fast(ctypes.c_void_p(session), AUTHID).decode()
            given = self._gsasl.gsasl_property_fast(ctypes.c_void_p(session), PASSWORD).decode()
            return OK if PASSWORDS.get(user) == given else NO_CALLBACK
        return NO_CALLBACK

    def step(self, said: bytes | None) -> tuple[Verdict, bytes]:
        """libgsasl's verdict so far, and its next challenge."""
        out, length = ctypes.c_void_p(), ctypes.c_size_t()
        code = self._gsasl.gsasl_step(self._session, said, len(said or b""), ctypes.byref(out), ctypes.byref(length))
        verdict = VERDICTS.get(code, Verdict.NO)
        return verdict, ctypes.string_at(out, length.value) if code in VERDICTS and out.value else b""

    @property
    def acting(self) -> str:
        found: bytes | None = self._gsasl.gsasl_property_fast(self._session, AUTHZID)
        return (found or b"").decode()

    def close(self) -> None:
        self._gsasl.gsasl_finish(self._session)
        self._gsasl.gsasl_done(self._context)
