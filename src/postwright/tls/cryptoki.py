"""The few calls of a PKCS#11 library (Cryptoki, version 2.40) that read certificates and try a PIN.

They are made by ``ctypes``, on purpose. The library is shared with OpenSSL's engine or provider in this process, which
signs with the key: it must be made safe for threads when it is first initialized, it may be initialized already, and
neither a logout nor its end may come from here. The packages for Python get at least one of these wrong.
"""

from __future__ import annotations

import ctypes
import sys
from _thread import allocate_lock
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import CertificateStoreUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASS, LABEL, VALUE, ID, MODULUS, EC_POINT = 0x000, 0x003, 0x011, 0x102, 0x120, 0x181
CERTIFICATE, PUBLIC_KEY, PRIVATE_KEY = 1, 2, 3
LOGIN_REQUIRED, PIN_PAD, INITIALIZED = 0x004, 0x100, 0x400

_MOST_SLOTS, _MOST_OBJECTS, _LARGEST = 256, 1024, 1 << 16
_ALREADY_INITIALIZED, _ALREADY_LOGGED_IN = 0x191, 0x100
_SAYINGS = {
    0x05: "it failed",
    0x30: "the device reports an error",
    0x32: "the device was removed",
    0xA0: "the PIN is wrong: check ssl_cert_store_password; each try with a wrong one counts",
    0xA1: "the PIN is wrong: check ssl_cert_store_password; each try with a wrong one counts",
    0xA2: "the PIN has the wrong length: check ssl_cert_store_password",
    0xA3: "the PIN has expired: set a new one with the token's tools",
    0xA4: "the PIN is locked after too many tries: unlock it with the token's tools",
    0xE0: "the token was removed",
    0x102: "its PIN was never set: set one with the token's tools",
}
_FUNCTIONS = {
    "C_Initialize": 0,
    "C_GetSlotList": 4,
    "C_GetTokenInfo": 6,
    "C_OpenSession": 12,
    "C_CloseSession": 13,
    "C_Login": 18,
    "C_GetAttributeValue": 24,
    "C_FindObjectsInit": 26,
    "C_FindObjects": 27,
    "C_FindObjectsFinal": 28,
}
"""The calls that are used, with their places in CK_FUNCTION_LIST."""

_ULONG = ctypes.c_ulong

GUARD = allocate_lock()
"""Held while a library is used from here, and while OpenSSL's engine opens a token: it begins by closing all sessions."""


class _Structure(ctypes.Structure):
    if sys.platform == "win32":  # PKCS#11 packs its structures there, and nowhere else
        _layout_ = "ms"
        _pack_ = 1


class _Attribute(_Structure):
    _fields_ = (("type", _ULONG), ("value", ctypes.c_void_p), ("size", _ULONG))


class _FunctionList(_Structure):
    _fields_ = (("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * 29))


class _Arguments(_Structure):
    _fields_ = (("mutexes", ctypes.c_void_p * 4), ("flags", _ULONG), ("reserved", ctypes.c_void_p))


class Token(NamedTuple):
    """A token in a slot; the texts are without the blanks that fill them up."""

    slot: int
    names: dict[str, bytes]
    """token (its label), manufacturer, model and serial."""
    flags: int


class Library:
    """A PKCS#11 library, loaded and initialized; it stays so until the process ends.

    Args:
        path: Where it is; empty takes p11-kit's, which leads to all that the system has.
    """

    def __init__(self, path: str) -> None:
        self.name = path or "p11-kit-proxy.so"
        try:
            self._library = ctypes.CDLL(self.name)
            get_list = self._library.C_GetFunctionList
        except (OSError, AttributeError, ValueError) as error:
            why = "it is no PKCS#11 library" if isinstance(error, AttributeError) else f"it can't be loaded ({error})"
            hint = (
                "" if path else ": name the token's library, for example pkcs11:token=NAME?module-path=/PATH/LIBRARY.so"
            )
            raise CertificateStoreUnreadable(f"the PKCS#11 library {self.name}: {why}{hint}") from None
        functions = ctypes.POINTER(_FunctionList)()
        self._check(get_list(ctypes.byref(functions)))
        self._functions = {
            name: ctypes.CFUNCTYPE(_ULONG)(functions.contents.functions[place]) for name, place in _FUNCTIONS.items()
        }
        # CKF_OS_LOCKING_OK: without it whoever comes first decides for all that there are no threads.
        self.call("C_Initialize", ctypes.byref(_Arguments(flags=2)), fine=_ALREADY_INITIALIZED)

    def call(self, function: str, *arguments: object, fine: int = 0) -> None:
        """Call a function.

        Raises:
            CertificateStoreUnreadable: It failed; ``fine`` is an answer that counts as success.
        """
        result = self._functions[function](*arguments)
        if result != fine:
            self._check(result)

    def _check(self, result: int) -> None:
        if result:
            saying = _SAYINGS.get(result, f"it answers with error {result:#x}")
            raise CertificateStoreUnreadable(f"the PKCS#11 library {self.name}: {saying}")

    def tokens(self) -> list[Token]:
        """Return the initialized tokens that are present, by name."""
        count, present = _ULONG(), ctypes.c_ubyte(1)
        self.call("C_GetSlotList", present, None, ctypes.byref(count))  # some look for new ones only when asked so
        count = _ULONG(_MOST_SLOTS)
        slots = (_ULONG * _MOST_SLOTS)()
        self.call("C_GetSlotList", present, slots, ctypes.byref(count))
        found = []
        for slot in slots[: count.value]:
            buffer = ctypes.create_string_buffer(1024)
            self.call("C_GetTokenInfo", _ULONG(slot), buffer)
            info = buffer.raw
            parts = {"token": info[0:32], "manufacturer": info[32:64], "model": info[64:80], "serial": info[80:96]}
            names = {name: part.rstrip(b" \0") for name, part in parts.items()}
            found.append(Token(slot, names, _ULONG.from_buffer_copy(info, 96).value))
        found.sort(key=lambda token: (token.names["token"], token.names["serial"]))
        return [token for token in found if token.flags & INITIALIZED]

    @contextmanager
    def session(self, token: Token, pin: str = "") -> Iterator[Session]:
        """Open a session with a token, and log in if there is a PIN."""
        handle = _ULONG()
        self.call("C_OpenSession", _ULONG(token.slot), _ULONG(4), None, None, ctypes.byref(handle))
        try:
            if pin:
                secret = pin.encode()
                self.call("C_Login", handle, _ULONG(1), secret, _ULONG(len(secret)), fine=_ALREADY_LOGGED_IN)
            yield Session(self, handle)
        finally:
            self.call("C_CloseSession", handle)


class Session:
    """A conversation with one token."""

    def __init__(self, library: Library, handle: ctypes.c_ulong) -> None:
        self._library = library
        self._handle = handle

    def find(self, kind: int, **wanted: bytes) -> list[int]:
        """Return the objects of a class, with these attributes (``id``, ``label``, ``modulus``, ``ec_point``)."""
        types = {"id": ID, "label": LABEL, "modulus": MODULUS, "ec_point": EC_POINT}
        values = [(CLASS, bytes(_ULONG(kind))), *((types[name], value) for name, value in wanted.items())]
        buffers = [ctypes.create_string_buffer(value, len(value)) for _, value in values]
        template = (_Attribute * len(values))()
        for entry, (number, value), buffer in zip(template, values, buffers, strict=True):
            entry.type, entry.value, entry.size = number, ctypes.addressof(buffer), len(value)
        self._library.call("C_FindObjectsInit", self._handle, template, _ULONG(len(values)))
        found, count = (_ULONG * _MOST_OBJECTS)(), _ULONG()
        try:
            self._library.call("C_FindObjects", self._handle, found, _ULONG(_MOST_OBJECTS), ctypes.byref(count))
        finally:
            self._library.call("C_FindObjectsFinal", self._handle)
        return list(found[: count.value])

    def get(self, item: int, attribute: int) -> bytes:
        """Return an attribute of an object; empty if it has none, or does not show it."""
        entry = _Attribute(attribute, None, 0)
        if not self._ask(item, entry) or not 0 < entry.size <= _LARGEST:
            return b""
        buffer = ctypes.create_string_buffer(entry.size)
        entry.value = ctypes.addressof(buffer)
        return buffer.raw[: entry.size] if self._ask(item, entry) else b""

    def _ask(self, item: int, entry: _Attribute) -> bool:
        try:
            self._library.call("C_GetAttributeValue", self._handle, _ULONG(item), ctypes.byref(entry), _ULONG(1))
        except CertificateStoreUnreadable:
            return False
        return True
