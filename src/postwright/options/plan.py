"""The plan of one operation: all options as they were when it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.options.option import Store
from postwright.options.tables import Properties, Settings
from postwright.record import Record

if TYPE_CHECKING:
    from typing import NoReturn


class Plan(Record):
    """Every option, frozen: whatever a handler or another thread sets, the operation in progress is not changed.

    Only what was set is in it; live values and this host's name are not.
    """

    __slots__ = ("properties", "settings")
    properties: Properties
    settings: Settings

    def __init__(self, properties: Properties, settings: Settings) -> None:
        object.__setattr__(self, "properties", properties)
        object.__setattr__(self, "settings", settings)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a plan can't be changed")

    @classmethod
    def of(cls, store: Store) -> Plan:
        """Copy the store's values into a plan that refuses to be set."""
        copy = Store()
        copy.values.update(store.values)
        copy.frozen = True
        return cls(Properties(copy), Settings(copy))
