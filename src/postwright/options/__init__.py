"""Every property and setting, declared once: typed attributes, ``config()``, constructor keywords and documentation."""

from __future__ import annotations

from postwright.options.option import Option, OptionSet, Store
from postwright.options.plan import Plan
from postwright.options.tables import COMPUTED, PROPERTIES, SETTINGS, Properties, Settings

__all__ = [
    "COMPUTED",
    "PROPERTIES",
    "SETTINGS",
    "Option",
    "OptionSet",
    "Plan",
    "Properties",
    "Settings",
    "Store",
]
