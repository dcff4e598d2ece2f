"""Cyrus SASL (libsasl2) as the judge of logins: SCRAM with every hash, and with channel binding of every kind."""

import ctypes
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.interop.judged import Verdict
from tests.interop.servers import STATE, missing

# sasl.h
OK, CONTINUE, FAIL = 0, 1, -1
VERDICTS = {OK: Verdict.YES, CONTINUE: Verdict.NOT_YET}
CB_LIST_END, CB_GETOPT = 0, 1
CHANNEL_BINDING = 21

GetOption = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_char_p),
    ctypes.POINTER(ctypes.c_uint),
)


class Callback(ctypes.Structure):
    _fields_ = (("id", ctypes.c_ulong), ("function", GetOption), ("context", ctypes.c_void_p))


class ChannelBinding(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("critical", ctypes.c_int),
        ("length", ctypes.c_ulong),
        ("data", ctypes.c_char_p),
    )


options = {b"pwcheck_method": b"auxprop", b"auxprop_plugin": b"sasldb", b"log_level": b"0"}


def _option(_: object, __: object, name: bytes, result: Any, length: Any) -> int:
    if name not in options:
        return FAIL
    result[0] = options[name]
    if length:
        length[0] = len(options[name])
    return OK


_callbacks = (Callback * 2)(Callback(CB_GETOPT, GetOption(_option)), Callback(CB_LIST_END))


@cache
def library() -> ctypes.CDLL:
    """libsasl2, which is set up once in a process."""
    try:
        loaded = ctypes.CDLL("libsasl2.so.2")
    except OSError:
        missing("Cyrus SASL is not installed (tests/interop/install.sh)")
    assert loaded.sasl_server_init(_callbacks, b"postwright") == OK
    return loaded


def know(folder: Path, users: dict[str, str]) -> None:
    """Let these users in from now on."""
    library()
    tool = STATE / "prefix" / "sasl" / "usr" / "sbin" / "saslpasswd2"
    if not tool.exists():
        missing("saslpasswd2 is not installed (tests/interop/install.sh)")
    database = folder / "sasldb2"
    for name, password in users.items():
        command = [str(tool), "-p", "-c", "-f", str(database), "-u", "localhost", name]
        subprocess.run(command, input=password.encode(), check=True)
    options[b"sasldb_path"] = str(database).encode()


class Cyrus:
    """One login, seen by libsasl2.

    Args:
        kind: The channel binding that it is told.
        mechanism: How the client logs in.
        bindings: The channel bindings by kind.
    """

    acting = ""

    def __init__(self, kind: str, mechanism: str, bindings: dict[str, bytes]) -> None:
        self._mechanism = mechanism.encode()
        self._sasl = library()
        self._connection = ctypes.c_void_p()
        service, host = b"smtp", b"localhost"
        new = self._sasl.sasl_server_new(service, host, host, None, None, None, 0, ctypes.byref(self._connection))
        assert new == OK
        data = bindings[kind]
        self._binding = ChannelBinding(kind.encode(), 0, len(data), data)  # kept as long as libsasl2 may look
        assert self._sasl.sasl_setprop(self._connection, CHANNEL_BINDING, ctypes.byref(self._binding)) == OK
        self._begun = False

    def step(self, said: bytes | None) -> tuple[Verdict, bytes]:
        """libsasl2's verdict so far, and its next challenge."""
        out, length = ctypes.c_void_p(), ctypes.c_uint()
        heard = (said, len(said or b""), ctypes.byref(out), ctypes.byref(length))
        if self._begun:
            code = self._sasl.sasl_server_step(self._connection, *heard)
        else:
            code = self._sasl.sasl_server_start(self._connection, self._mechanism, *heard)
        self._begun = True
        return VERDICTS.get(code, Verdict.NO), ctypes.string_at(out, length.value) if out.value else b""

    def close(self) -> None:
        self._sasl.sasl_dispose(ctypes.byref(self._connection))
