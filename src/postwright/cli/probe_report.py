"""The facts of a probe, for people and as the JSON object of ``--json``."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from postwright.cli.explaining import in_options
from postwright.cli.probe_faults import moment
from postwright.cli.reports import error_object, reply_object
from postwright.cli.screen import clean, in_colour, is_terminal, write

if TYPE_CHECKING:
    import datetime as dt

    from postwright.cli.exits import Exit
    from postwright.cli.probe_facts import TLS, Facts
    from postwright.cli.probe_faults import Fault
    from postwright.tls.certificate import Certificate
    from postwright.wire.extensions import Extensions

_LABEL = 13
_WIDEST = 120
_STYLES = {"good": "green", "wrong": "red", "better": "yellow", "server": "bold"}


class Row(NamedTuple):
    """One line for people."""

    label: str
    text: str
    style: str = ""


def rows(facts: Facts, faults: list[Fault], now: dt.datetime) -> list[Row]:
    """Return the lines for people."""
    found = [Row("server", _server(facts), "server")]
    if facts.greeting is not None:
        found.append(Row("greeting", str(facts.greeting)))
    if facts.before is not None:
        found.append(Row("before TLS", _words(facts.before)))
    if facts.tls is not None:
        found.append(Row("TLS", _tls(facts.tls, by_starttls=facts.starttls is not None)))
    if facts.chain:
        found += _certificate_rows(facts, now)
    if facts.after is not None:
        found.append(Row("after TLS", _after(facts.after, facts.before)))
    if facts.offers is not None:
        found.append(Row("logins", _logins(facts)))
    if facts.logged_in:
        found.append(Row("login", "accepted", "good"))
    if facts.error is None and not any(fault.serious for fault in faults):
        found.append(Row("good", "nothing is wrong"))
    found += [Row("wrong" if fault.serious else "better", fault.text) for fault in faults]
    return [row._replace(style=_STYLES.get(row.style or row.label, "")) for row in found]


def _server(facts: Facts) -> str:
    way = "through the proxy at " if facts.proxied else ""
    return f"{facts.host} port {facts.port}" + (f" ({way}{facts.address})" if facts.address else "")


def _words(offered: Extensions) -> str:
    return ", ".join(" ".join([keyword, *offered.parameters(keyword)]) for keyword in offered) or "no extensions"


def _after(after: Extensions, before: Extensions | None) -> str:
    """Say what EHLO said inside TLS; most servers say what they said before."""
    if before is not None and _words(after) == _words(before).replace("STARTTLS, ", "").removesuffix(", STARTTLS"):
        return "the same, without STARTTLS"
    return _words(after)


def _tls(tls: TLS, *, by_starttls: bool) -> str:
    how = "by STARTTLS" if by_starttls else "at once"
    exchange = f", {tls.exchange} ({tls.exchange_bits} bits)" if tls.exchange else ""
    return f"{tls.protocol} {how}, {tls.cipher} ({tls.bits} bits){exchange}"


def _logins(facts: Facts) -> str:
    if facts.before is not None and facts.after is not None and facts.before.mechanisms == facts.after.mechanisms:
        return f"{', '.join(facts.after.mechanisms) or 'none'}, with and without TLS"
    parts = []
    if facts.before is not None:
        parts.append(f"{', '.join(facts.before.mechanisms) or 'none'} without TLS")
    if facts.after is not None:
        parts.append(f"{', '.join(facts.after.mechanisms) or 'none'} with TLS")
    return "; ".join(parts)


def _certificate_rows(facts: Facts, now: dt.datetime) -> list[Row]:
    found: list[Row] = []
    for depth, one in enumerate(facts.chain):
        label = "issued by" if depth else "certificate"
        if one is None:
            found.append(Row(label, "it can't be read"))
            continue
        found.append(Row(label, one.subject or "(no subject)"))
        if names := [*one.hosts, *one.addresses]:
            found.append(Row("  for", ", ".join(names)))
        found.append(Row("  valid", _valid(one, now)))
        found.append(Row("  key", f"{_key(one)}, signed with {_signature(one)}"))
    last = facts.chain[-1]
    if last is not None and not last.self_issued:
        found.append(Row("issued by", f"{last.issuer} (not shown by the server)"))
    good = facts.trusted
    found.append(
        Row("verdict", "trusted" if good else f"not trusted: {in_options(facts.verdict)}", "good" if good else "wrong")
    )
    return found


def _key(one: Certificate) -> str:
    return f"{one.key} {one.bits} bits" if one.bits else one.key


def _signature(one: Certificate) -> str:
    return f"{one.signature} and {one.hash}" if one.hash else one.signature


def _valid(one: Certificate, now: dt.datetime) -> str:
    start, end = moment(one.not_before), moment(one.not_after)
    if start is None or end is None:
        return "its dates can't be read"
    left = (end - now).days
    words = "expired" if end < now else "not yet valid" if start > now else f"{left} day{'' if left == 1 else 's'} left"
    return f"{start:%Y-%m-%d} to {end:%Y-%m-%d} ({words})"


def show(lines: list[Row]) -> None:
    """Write the lines to standard output: in colours by rich where a person looks on, else one line each."""
    if not is_terminal(sys.stdout):
        write(sys.stdout, "".join(f"{clean(row.label):{_LABEL}}{clean(row.text)}\n" for row in lines))
        return
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    try:
        text = _by_rich(lines, width)
    except ImportError:
        text = "".join(_folded(row, width) for row in lines)
    write(sys.stdout, text)


def _folded(row: Row, width: int) -> str:
    start = f"{row.label:{_LABEL}}"
    return (
        textwrap.fill(
            clean(row.text),
            max(width, 2 * _LABEL),
            initial_indent=start,
            subsequent_indent=" " * _LABEL,
            break_on_hyphens=False,
        )
        + "\n"
    )


def _by_rich(lines: list[Row], width: int) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for row in lines:
        grid.add_row(Text(row.label), Text(clean(row.text), style=row.style))
    screen = io.StringIO()
    colours = in_colour(sys.stdout)
    Console(file=screen, width=width, force_terminal=colours, no_color=not colours, legacy_windows=False).print(grid)
    return screen.getvalue()


def as_object(facts: Facts, faults: list[Fault], code: Exit) -> dict[str, Any]:
    """Return the JSON object; it always has the same names."""
    return {
        "exit": int(code),
        "server": {
            "host": facts.host,
            "port": facts.port,
            "address": None if facts.proxied else facts.address or None,
            "proxy": facts.address if facts.proxied else None,
        },
        "greeting": reply_object(facts.greeting),
        "extensions": {"before_tls": _extensions(facts.before), "after_tls": _extensions(facts.after)},
        "auth": {"before_tls": _mechanisms(facts.before), "after_tls": _mechanisms(facts.after)},
        "tls": _tls_object(facts),
        "certificates": [None if one is None else _certificate_object(one) for one in facts.chain],
        "verdict": {"trusted": facts.trusted, "text": in_options(facts.verdict)} if facts.chain else None,
        "logged_in": facts.logged_in,
        "wrong": [{"code": fault.code, "text": fault.text} for fault in faults if fault.serious],
        "better": [{"code": fault.code, "text": fault.text} for fault in faults if not fault.serious],
        "error": None if facts.error is None else error_object(facts.error),
    }


def _extensions(offered: Extensions | None) -> dict[str, list[str]] | None:
    return None if offered is None else {keyword: list(offered.parameters(keyword)) for keyword in offered}


def _mechanisms(offered: Extensions | None) -> list[str] | None:
    return None if offered is None else list(offered.mechanisms)


def _tls_object(facts: Facts) -> dict[str, Any] | None:
    tls = facts.tls
    if tls is None:
        return None
    return {
        "start": "implicit" if facts.starttls is None else "starttls",
        "protocol": tls.protocol,
        "cipher": tls.cipher,
        "suite": tls.suite,
        "bits": tls.bits,
        "key_exchange": tls.exchange,
        "key_exchange_bits": tls.exchange_bits,
    }


def _certificate_object(one: Certificate) -> dict[str, Any]:
    start, end = moment(one.not_before), moment(one.not_after)
    return {
        "subject": one.subject,
        "issuer": one.issuer,
        "not_before": start and start.isoformat(),
        "not_after": end and end.isoformat(),
        "hosts": list(one.hosts),
        "addresses": list(one.addresses),
        "key": one.key,
        "bits": one.bits,
        "signature": one.signature,
        "hash": one.hash or None,
    }
