"""Rows 7 to 10: large bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.letters import large
from bench.rows_small import ratios
from bench.running import Program, curl, in_turns, ours
from bench.servers import sink
from bench.tools import CACHE, Failed

if TYPE_CHECKING:
    from bench.rows_small import Measured
    from bench.running import Mode, Speeds
    from bench.servers import Place
    from bench.tools import Tools


def _versus(tools: Tools, mode: Mode, place: Place, kind: str, options: dict[str, dict[str, Any]]) -> Speeds:
    """Send one file with curl and with postwright, which does it in so many ways; a unit is the whole file.

    Args:
        tools: What there is.
        mode: How long to measure.
        place: The sink.
        kind: What the file holds.
        options: The options of each way, by its name.
    """
    path = large(CACHE / f"{kind}-{mode.megabytes}.body", kind, mode.megabytes)

    def way(more: dict[str, Any]) -> Program:
        port = place.tls if more.get("tls") else place.port
        return Program(
            "", lambda count: float(ours(tools, "body", port=port, path=str(path), count=count, **more)["seconds"])
        )

    secure = any(more.get("tls") for more in options.values())
    url = f"smtps://localhost:{place.tls}" if secure else f"smtp://127.0.0.1:{place.port}"
    programs = [Program(name, way(more).go, place) for name, more in options.items()]
    programs.append(Program("curl", lambda _: curl(tools, url, str(path)), place))
    return in_turns(mode, programs, fixed=1)


def data(tools: Tools, mode: Mode) -> Measured:
    """Row 7: DATA from a file."""
    found: Measured = {}
    with sink(tools) as place:
        for kind in ("base64", "text"):
            found[kind] = ratios(
                _versus(tools, mode, place, kind, {"postwright": {"chunking": False}}), "postwright", "curl"
            )
    return found


def chunks(tools: Tools, mode: Mode) -> Measured:
    """Row 8: BDAT from a file."""
    with sink(tools) as place:
        speeds = _versus(tools, mode, place, "base64", {"postwright": {"chunking": True}})
    return {"base64": ratios(speeds, "postwright", "curl")}


def secured(tools: Tools, mode: Mode) -> Measured:
    """Row 9: a file through TLS."""
    with sink(tools) as place:
        if not place.tls:
            raise Failed("the sink has no TLS")
        more = {"tls": "implicit", "authority": tools.authority}
        ways = {"chunking": {"chunking": True, **more}, "data": {"chunking": False, **more}}
        speeds = _versus(tools, mode, place, "base64", ways)
    return {name: ratios(speeds, name, "curl") for name in ways}


def memory(tools: Tools, mode: Mode) -> Measured:
    """Row 10: how much the process grows; the most of DATA, BDAT and BDAT through TLS."""
    octets = mode.megabytes * 4_000_000
    growth: list[float] = []
    with sink(tools) as place:
        for _ in range(min(3, mode.turns)):
            ways: list[dict[str, Any]] = [{"chunking": chunking, "port": place.port} for chunking in (True, False)]
            if place.tls:
                ways.append({"chunking": True, "port": place.tls, "tls": "implicit", "authority": tools.authority})
            growth.append(max(ours(tools, "memory", octets=octets, **way)["seconds"] for way in ways))
    return {"growth": growth}
