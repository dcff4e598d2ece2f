"""The proxy of the examples: SOCKS5 without a login, HTTP CONNECT with one; it knows the examples' servers by name."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Mapping

USER = "me"
PASSWORD = "open sesame"
_LOGIN = b"Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode())
_PATIENCE = 20


class Proxy:
    """Both protocols; each is a handler of connections.

    Args:
        ports: Where the servers really are, by name and port; all other destinations are refused.
    """

    def __init__(self, ports: Mapping[tuple[str, int], int]) -> None:
        self._ports = ports

    async def socks5(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Talk as in RFC 1928."""
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\5\0")
        _, _, _, kind = await reader.readexactly(4)
        length = {1: 4, 3: 0, 4: 16}[kind] or (await reader.readexactly(1))[0]
        name = await reader.readexactly(length)
        port = int.from_bytes(await reader.readexactly(2), "big")
        there = self._ports.get((name.decode("latin-1"), port)) if kind == 3 else None
        writer.write(b"\5\2" if there is None else b"\5\0\0\1\x7f\0\0\1\0\0")
        await _relay(there, reader, writer)

    async def connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Talk as in RFC 9110 section 9.3.6."""
        first = await reader.readexactly(1)
        if not first.isupper():
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await _relay(None, reader, writer)
            return
        request, *fields = (first + await reader.readuntil(b"\r\n\r\n")).rstrip().split(b"\r\n")
        name, _, port = request.split()[1].decode().rpartition(":")
        there = None
        if b"Proxy-Authorization: " + _LOGIN not in fields:
            writer.write(
                b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"\r\n\r\n'
            )
        elif (there := self._ports.get((name, int(port)))) is None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _relay(there, reader, writer)


async def _relay(there: int | None, reader: StreamReader, writer: StreamWriter) -> None:
    """Pass octets on in both directions until both ends are done; without a destination just hang up."""
    try:
        if there is not None:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", there)
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))
    except (OSError, TimeoutError):
        pass
    finally:
        writer.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
