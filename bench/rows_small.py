"""Rows 1 to 6: small messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bench.running import Program, in_turns, nodemailer, ours, peer, smtp_source
from bench.servers import sink, smtp_sink
from bench.tools import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.running import Mode, Speeds
    from bench.servers import Place
    from bench.tools import Tools

Measured = dict[str, "list[float] | str"]
"""For each key of a row its values, or the reason why there are none."""


def ratios(speeds: Speeds, mine: str, theirs: str) -> list[float] | str:
    """Return one program's speed over another's in each turn, or what stands against it."""
    try:
        return speeds.ratios(mine, theirs)
    except Failed as error:
        return str(error)


def _ours(tools: Tools, place: Place, work: str, name: str = "postwright", **more: Any) -> Program:
    def go(count: int) -> float:
        took: float = ours(tools, work, port=place.port, count=count, **more)["seconds"]
        return took

    return Program(name, go, place if place.counts else None)


def _node(tools: Tools, place: Place, **more: Any) -> Program:
    return Program(
        "Nodemailer", lambda count: float(nodemailer(tools, port=place.port, count=count, **more)["seconds"])
    )


def _peer(tools: Tools, place: Place, name: str, work: str, **more: Any) -> Program:
    return Program(name, lambda count: float(peer(tools, work, port=place.port, count=count, **more)["seconds"]))


def one_connection(tools: Tools, mode: Mode) -> Measured:
    """Row 1: one connection, PIPELINING."""
    with smtp_sink(tools) as place:
        speeds = in_turns(mode, [_ours(tools, place, "batch"), smtp_source(tools, place)])
    return {"batch": ratios(speeds, "postwright", "smtp-source")}


def chunks(tools: Tools, mode: Mode) -> Measured:
    """Row 2: one connection, CHUNKING."""
    with sink(tools) as place:
        speeds = in_turns(mode, [_ours(tools, place, "batch"), smtp_source(tools, place)])
    return {"batch": ratios(speeds, "postwright", "smtp-source")}


def fifty(tools: Tools, mode: Mode) -> Measured:
    """Row 3: 50 connections."""
    with smtp_sink(tools) as place:
        programs = [
            _ours(tools, place, "tasks", connections=50),
            smtp_source(tools, place, connections=50),
            _peer(tools, place, "aiosmtplib", "aiosmtplib_tasks", connections=50),
            _node(tools, place, connections=50),
        ]
        speeds = in_turns(mode, programs)
    return {name: ratios(speeds, "postwright", name) for name in ("smtp-source", "aiosmtplib", "Nodemailer")}


def _pair(tools: Tools, place: Place) -> Program:
    """Two processes of postwright side by side, on all processors."""

    def half(count: int) -> float:
        took: float = ours(tools, "tasks", cpu=None, port=place.port, count=count, connections=25)["seconds"]
        return took

    def go(count: int) -> float:
        with ThreadPoolExecutor(2) as two:
            return max(two.map(half, (count // 2, count - count // 2)))

    return Program("postwright", go, place if place.counts else None)


def two_processes(tools: Tools, mode: Mode) -> Measured:
    """Row 4: two processes."""
    found: Measured = {}
    for key, server in (("pipelining", smtp_sink), ("chunking", sink)):
        with server(tools) as place:
            speeds = in_turns(mode, [_pair(tools, place), smtp_source(tools, place, connections=50)])
        found[key] = ratios(speeds, "postwright", "smtp-source")
    return found


def composing(tools: Tools, mode: Mode) -> Measured:
    """Row 5: composing."""

    def of(what: Callable[..., dict[str, float]], kind: str) -> Callable[[int], float]:
        return lambda count: what(tools, "compose", kind=kind, count=count)["seconds"]

    found: Measured = {}
    for kind in ("text", "html", "attachment"):
        programs = [Program("postwright", of(ours, kind)), Program("EmailMessage", of(peer, kind))]
        speeds = in_turns(mode, programs, trial=5 if kind == "attachment" else 100)
        found[kind] = ratios(speeds, "postwright", "EmailMessage")
    return found


def composing_and_sending(tools: Tools, mode: Mode) -> Measured:
    """Row 6: composing and sending."""
    with smtp_sink(tools) as place:
        programs = [
            _ours(tools, place, "composed"),
            _peer(tools, place, "smtplib", "composed"),
            _node(tools, place, compose=True),
        ]
        speeds = in_turns(mode, programs)
    return {name: ratios(speeds, "postwright", name) for name in ("smtplib", "Nodemailer")}
