"""The plan of one operation: all options as they were when it began."""

from __future__ import annotations

from dataclasses import dataclass

from postwright.options.option import Store
from postwright.options.tables import Properties, Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """Every option, frozen: whatever a handler or another thread sets, the operation in progress is not changed.

    Only what was set is in it; live values and this host's name are not.
    """

    properties: Properties
    settings: Settings

    @classmethod
    def of(cls, store: Store) -> Plan:
        """Copy the store's values into a plan that refuses to be set."""
        copy = Store()
        copy.values.update(store.values)
        copy.frozen = True
        return cls(Properties(copy), Settings(copy))
