"""Configuration strings: ``Name=Value`` sets a setting, ``Name`` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright import errors
from postwright.options.tables import COMPUTED, PROPERTIES, SETTINGS
from postwright.words import printable

if TYPE_CHECKING:
    from postwright.options.option import Store

_SHOWN = 3


def config(store: Store, text: str) -> str:
    """Set or read one setting, and return its value as text.

    Args:
        store: Where the values are.
        text: ``Name=Value`` or ``Name``; names match in any case.
    """
    if not isinstance(text, str):
        raise errors.InvalidValue(f"a configuration string is a str, not a {type(text).__name__}")
    name, equals, value = text.partition("=")
    option = SETTINGS.get(name.strip().casefold())
    if option is None:
        raise errors.UnknownSetting(_unknown(name.strip()))
    if equals:
        option.parse(store, value)
    return option.show(store)


def _unknown(name: str) -> str:
    folded = name.casefold()
    for key, option in (*PROPERTIES.items(), *COMPUTED.items()):
        if option.name.casefold() == folded:
            return f"{option.name} is a property: use the attribute {key}"
    shown = printable(name[:60])
    near = sorted((-_likeness(folded, key), option.name) for key, option in SETTINGS.items())
    close = [known for likeness, known in near if -likeness >= 0.7][:_SHOWN]
    return f"{shown}; did you mean {' or '.join(close)}?" if close else f"{shown}; settings.md lists them all"


def _likeness(name: str, known: str) -> float:
    """Return how much of two names is the same at both ends: one slip of the fingers leaves nearly all.

    A part of a name counts as a close match too: "timeout" may mean any of the timeouts.
    """
    if len(name) > 3 and name in known:
        return 0.9
    shorter = min(len(name), len(known))
    head = next((i for i in range(shorter) if name[i] != known[i]), shorter)
    tail = next((i for i in range(shorter - head) if name[-1 - i] != known[-1 - i]), shorter - head)
    return (head + tail) / max(len(name), len(known))
