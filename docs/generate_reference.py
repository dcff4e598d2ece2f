"""Write docs/reference/*.md from the declarations and docstrings: nothing in those pages is written twice.

python docs/generate_reference.py           write the pages
python docs/generate_reference.py --check   exit with 1 when they are out of date
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postwright import Pool, RecipientResult, Reply, SendResult, enums, errors, events
from postwright.errors.system import ROWS
from postwright.options.kinds import Boolean, Bytes, Enumeration, Text
from postwright.options.tables import COMPUTED, PROPERTY_GROUPS, SETTING_GROUPS
from postwright.words import QueueEntry, QueueReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postwright.options.option import Option

DIRECTORY = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate_reference.py from the source; change it there. -->"
LONGEST_DEFAULT = 40
SECTIONS = {
    "Args:": "Arguments",
    "Attributes:": "Attributes",
    "Returns:": "Returns",
    "Raises:": "Errors",
    "Yields:": "Gives",
}


def page(title: str, *parts: str) -> str:
    """Put a page together."""
    return "\n\n".join([f"# {title}", NOTE, *(part.strip("\n") for part in parts)]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; bars and line ends in cells are escaped."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines)


def cell(text: str) -> str:
    """Return the text fit for one cell."""
    return " ".join(text.replace("|", "\\|").split())


def code(text: str) -> str:
    """Return the text as code."""
    return f"`{text}`" if text else ""


def notes(option: Option[Any, Any]) -> Iterator[str]:
    """Yield what must be known beside the meaning."""
    if option.indexed:
        yield "One value for each, by index."
    if option.read_only:
        yield "Read-only."
    if option.write_only:
        yield "Write-only."
    if option.lock is not None:
        yield f"Locked while connected: error {option.lock.code}."
    if option.later:
        yield f"This version takes only {limits(option)} ({option.later} will come)."
    if option.differs:
        yield f"Not the reference's default: {option.differs}."


def limits(option: Option[Any, Any]) -> str:
    """Return the values that a later option takes now."""
    if not option.now:
        return "the default"
    return " or ".join(code(str(int(value))) for value in (option.default, *option.now))


def allowed(option: Option[Any, Any]) -> str:
    """Return what may be set, where type and meaning do not say it already."""
    plain = isinstance(option.kind, Text | Bytes | Boolean | Enumeration)
    return "" if plain or option.read_only else f"Allowed: {option.kind.allowed}."


def default(option: Option[Any, Any]) -> str:
    """Return the default for its column, which long ones would burst."""
    if option.ambient:
        return "this host's name"
    shown = code(option.shown_default)
    return "" if option.compute else shown if len(shown) <= LONGEST_DEFAULT else "see below"


def option_table(options: Iterable[Option[Any, Any]]) -> str:
    """Return the table of a group of options, and their long defaults below it."""
    chosen = list(options)
    rows = [
        [code(o.key), o.name, code(o.kind.python), default(o), " ".join(filter(None, [o.doc, allowed(o), *notes(o)]))]
        for o in chosen
    ]
    long = [f"- Default of {o.name}: {code(o.shown_default)}" for o in chosen if default(o) == "see below"]
    return "\n".join([table(["Attribute", "Name", "Type", "Default", "Meaning"], rows), *([""] if long else []), *long])


def properties() -> str:
    """Return the page of the properties."""
    groups = [
        f"## {name}\n\n{option_table(by_name(group._options.values()))}" for name, group in PROPERTY_GROUPS.items()
    ]
    state = f"## Recipients, headers and state\n\n{option_table(COMPUTED.values())}"
    lead = (
        "Attributes of `SMTP` and `AsyncSMTP`; those that can be set are keywords of the constructors too. "
        "The types that begin with a capital are in [enums.md](enums.md); plain numbers are taken for them."
    )
    return page("Properties", lead, *groups, state)


def by_name(options: Iterable[Option[Any, Any]]) -> list[Option[Any, Any]]:
    """Sort options as a reader looks for them."""
    return sorted(options, key=lambda option: option.name.casefold())


def settings() -> str:
    """Return the page of the settings."""
    lead = (
        'Attributes of `smtp.settings`, and names for `smtp.config("Name=Value")`, which match in any case. '
        "The group Postwright is not in the reference."
    )
    groups = [
        f"## {name}\n\n{option_table(by_name(group._options.values()))}" for name, group in SETTING_GROUPS.items()
    ]
    return page("Settings", lead, *groups)


def docstring(thing: object) -> str:
    """Return a docstring as Markdown: the sections of Google's style become lists."""
    lines: list[str] = []
    for line in (inspect.getdoc(thing) or "").splitlines():
        word = line.strip()
        if word in SECTIONS and line == word:
            lines += [f"**{SECTIONS[word]}**", ""]
        elif line.startswith("    ") and not line.startswith("     ") and ": " in word:
            name, _, text = word.partition(": ")
            lines.append(f"- `{name}`: {text}")
        else:
            lines.append(("  " + word if line.startswith("     ") else word).replace("``", "`"))
    return "\n".join(lines)


def events_page() -> str:
    """Return the page of the events."""
    parts = []
    for handler, event in events.HANDLERS.items():
        fields = [[code(name), code(kind)] for name, kind in event.__annotations__.items()]
        parts.append(
            f"## {handler}\n\nThe handler gets an `events.{event.__name__}`. {docstring(event)}\n\n"
            + table(["Field", "Type"], fields)
        )
    return page("Events", docstring(events), *parts)


def own_classes() -> list[type[errors.SMTPError]]:
    """Return every error class, those with small numbers first."""
    classes = [getattr(errors, name) for name in errors.__all__]
    return sorted(classes, key=lambda c: (c.code, len(c.__mro__), c.__name__))


def summary(thing: object) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def errors_page() -> str:
    """Return the page of the errors."""
    rows = [
        [str(c.code or ""), code(c.__name__), ", ".join(code(b.__name__) for b in c.__bases__), c.summary or summary(c)]
        for c in own_classes()
    ]
    network = [[str(number), words] for number, (words, _) in ROWS.items()]
    return page(
        "Errors",
        docstring(errors),
        docstring(errors.SMTPError),
        "## Classes",
        "A class without a number of its own has the number of what it is a kind of, or none.",
        table(["Code", "Class", "Is a", "Message"], rows),
        "## Network errors",
        "All of them are `NetworkError`; `code` tells them apart.",
        table(["Code", "Meaning"], network),
    )


def enums_page() -> str:
    """Return the page of the enumerations."""
    parts = []
    for name, kind in vars(enums).items():
        if isinstance(kind, type) and issubclass(kind, Enum) and kind.__module__ == enums.__name__:
            members = [[code(str(m.value)), code(m.name)] for m in kind]
            parts.append(f"## {name}\n\n{docstring(kind)}\n\n{table(['Value', 'Name'], members)}")
    return page("Enumerations", docstring(enums), *parts)


def methods_page() -> str | None:
    """Return the page of the methods; None while there is no component."""
    if importlib.util.find_spec("postwright.component.smtp") is None:
        return None
    smtp: type = importlib.import_module("postwright.component.smtp").SMTP
    lead = "Methods of `SMTP`. On `AsyncSMTP` those that talk to a server or a disk are coroutines: `await` them."
    parts = []
    for name, method in inspect.getmembers(smtp, inspect.isfunction):
        if not name.startswith("_") and name not in events.HANDLERS:
            parts.append(f"## {name}\n\n`{name}{signature(method)}`\n\n{docstring(method)}")
    return page("Methods", lead, *parts)


def pools_page() -> str:
    """Return the page of the pools."""
    lead = "`AsyncPool` has the same members; there those that wait are coroutines, and `connection` is used with `async with`."
    return page("Pools", docstring(Pool), lead, *members(Pool))


def results_page() -> str:
    """Return the page of what methods return."""
    parts = []
    for kind in (SendResult, RecipientResult, Reply, QueueReport, QueueEntry):
        fields = ", ".join(code(name) for name in kind.__match_args__)
        parts += [f"## {kind.__name__}\n\n{docstring(kind)}\n\nFields: {fields}.", *members(kind, "###")]
    return page("Results", "What the methods that send return. None of it can be changed.", *parts)


def members(kind: type, level: str = "##") -> list[str]:
    """Return the properties and methods of a class, each under a heading."""
    parts = []
    for name, member in inspect.getmembers(kind):
        if name.startswith("_") or not (isinstance(member, property) or inspect.isfunction(member)):
            continue
        shown = "" if isinstance(member, property) else f"\n\n`{name}{signature(member)}`"
        parts.append(f"{level} {name}{shown}\n\n{docstring(member)}")
    return parts


def signature(method: Any) -> str:
    """Return the signature as it is written, without self."""
    whole = inspect.signature(method)
    bare = whole.replace(parameters=[p for p in whole.parameters.values() if p.name != "self"])
    return str(bare).replace("'", "")


def pages() -> dict[str, str]:
    """Return every page by its file's name."""
    made = {
        "properties.md": properties(),
        "settings.md": settings(),
        "methods.md": methods_page(),
        "pools.md": pools_page(),
        "results.md": results_page(),
        "events.md": events_page(),
        "errors.md": errors_page(),
        "enums.md": enums_page(),
    }
    return {name: text for name, text in made.items() if text is not None}


def stale() -> list[str]:
    """Return the names of the pages that are not as they would be written now."""
    return [
        name
        for name, text in pages().items()
        if not (DIRECTORY / name).exists() or (DIRECTORY / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    if arguments == ["--check"]:
        old = stale()
        if old:
            print(f"out of date: {', '.join(old)}; run `make docs`")
        return 1 if old else 0
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
