"""Sockets: resolved, made, configured and read back, the same for every driver.

Nothing here waits: a socket is returned while it connects, and the driver waits in its own way.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import NetworkError
from postwright.errors.system import code_for
from postwright.wire.hosts import a_labels, is_address
from postwright.words import Line

if TYPE_CHECKING:
    from postwright.words import Target

_RESOLVER = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
_FAMILIES = {0: socket.AF_INET, 1: socket.AF_INET6, 2: socket.AF_UNSPEC}


class Place(NamedTuple):
    """One address to try."""

    family: int
    address: tuple[str, int] | tuple[str, int, int, int]

    def __str__(self) -> str:
        host, port = self.address[:2]
        return f"[{host}]:{port}" if self.family == socket.AF_INET6 else f"{host}:{port}"


def is_numeric(host: str) -> bool:
    """Whether the host is an IP address, so that no name server is asked."""
    return is_address(host.strip("[]").partition("%")[0])


def late(target: Target) -> NetworkError:
    """Return the error for a name server that did not answer in time."""
    return NetworkError(f"{target.host}: no answer in {target.timeout:g} s", code=11002)


def resolve(target: Target) -> list[Place]:
    """Return the addresses of the target's host in the order to try them; this may block on a name server.

    Raises:
        NetworkError: The name has no address, or the name server failed.
    """
    if target.use_ipv6 != 1 and (place := _dotted_quad(target)) is not None:
        return [place]
    host = target.host.strip("[]") if is_numeric(target.host) else _ascii(target.host)
    try:
        found = socket.getaddrinfo(host, target.port, _FAMILIES[target.use_ipv6], socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NetworkError(f"{target.host} ({error.strerror})", code=code_for(error, _RESOLVER)) from error
    except UnicodeError as error:
        raise NetworkError(f"{target.host} is no valid host name", code=11001) from error
    places = list(dict.fromkeys(Place(int(family), sockaddr) for family, _, _, _, sockaddr in found))  # type: ignore[arg-type]
    if not places:
        raise NetworkError(target.host, code=11004)
    return interleave(places)


def _dotted_quad(target: Target) -> Place | None:
    """Return the place of a host that is an IPv4 address: the resolver would say the same, and takes its time."""
    try:
        packed = socket.inet_pton(socket.AF_INET, target.host)
    except OSError:
        return None
    return Place(socket.AF_INET, (socket.inet_ntop(socket.AF_INET, packed), target.port))


def _ascii(host: str) -> str:
    try:
        return a_labels(host)
    except UnicodeError as error:
        raise NetworkError(f"{host} is no valid host name: {error}", code=11001) from error


def interleave(places: list[Place]) -> list[Place]:
    """Return the addresses with the families alternating, the resolver's first one first (RFC 8305 section 4)."""
    first = [place for place in places if place.family == places[0].family]
    second = [place for place in places if place.family != places[0].family]
    mixed = [place for pair in zip(first, second, strict=False) for place in pair]
    return mixed + first[len(second) :] + second[len(first) :]


def start(place: Place, target: Target) -> tuple[socket.socket, bool]:
    """Return a non-blocking socket on its way to an address, and whether it is there already.

    Raises:
        OSError: The socket can't be made, bound or connected.
    """
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _configure(sock, target)
        if target.local_host or target.local_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            anywhere = "::" if place.family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - the system chooses
            sock.bind((target.local_host or anywhere, target.local_port))
        try:
            sock.connect(place.address)
        except (BlockingIOError, InterruptedError):
            return sock, False
    except BaseException:
        sock.close()
        raise
    return sock, True


def _configure(sock: socket.socket, target: Target) -> None:
    """Set the socket's options before it connects: buffers must be sized before the window is agreed on."""
    if target.in_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, target.in_buffer)
    if target.out_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, target.out_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(target.no_delay))
    if target.keep_alive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # macOS has its own name
        for option, value in (
            (idle, _seconds(target.keep_alive_time)),
            (getattr(socket, "TCP_KEEPINTVL", None), _seconds(target.keep_alive_interval)),
            (getattr(socket, "TCP_KEEPCNT", None), target.keep_alive_count),
        ):
            if option is not None and value is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
    if not target.linger or target.linger_time:
        # off with time 0 resets the connection at close; on waits for unsent data at most that long
        seconds = target.linger_time if target.linger else 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else max(1, round(milliseconds / 1000))


def ends(sock: socket.socket) -> Line:
    """Return both ends of a connected socket.

    Raises:
        NetworkError: The server broke the connection meanwhile.
    """
    try:
        remote, local = sock.getpeername(), sock.getsockname()
    except OSError as error:
        # The system only says that there is no connection (ENOTCONN); there was one a moment ago.
        raise NetworkError("as soon as it was open", code=10054) from error
    return Line(remote[0], remote[1], local[0], local[1])


def failure(target: Target, attempts: list[tuple[Place, str, int]]) -> NetworkError:
    """Return the error for a server that no attempt reached; each attempt is named, the first one gives the number."""
    text = "; ".join(f"{place}: {why}" for place, why, _ in attempts)
    return NetworkError(f"{target.host} port {target.port} can't be reached ({text})", code=attempts[0][2])


def explained(error: OSError, doing: str) -> NetworkError:
    """Return the table's error for what the operating system said about an open connection."""
    return NetworkError(f"while {doing}: {error.strerror or error}", code=code_for(error))
