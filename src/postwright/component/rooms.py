"""What the clients need of other rooms, each loaded when it is first used: the import of SMTP needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.lazy import Room

if TYPE_CHECKING:
    from postwright.component import enqueueing, helpers, many, operations, writing
    from postwright.drive import clock, sync
    from postwright.message import addresses, mime
    from postwright.options import config as configuring
    from postwright.session import asking, states
    from postwright.session import session as sessions
    from postwright.wire import xtext
else:
    addresses = Room("postwright.message.addresses")
    asking = Room("postwright.session.asking")
    clock = Room("postwright.drive.clock")
    configuring = Room("postwright.options.config")
    enqueueing = Room("postwright.component.enqueueing")
    helpers = Room("postwright.component.helpers")
    many = Room("postwright.component.many")
    mime = Room("postwright.message.mime")
    operations = Room("postwright.component.operations")
    sessions = Room("postwright.session.session")
    states = Room("postwright.session.states")
    sync = Room("postwright.drive.sync")
    writing = Room("postwright.component.writing")
    xtext = Room("postwright.wire.xtext")

__all__ = [
    "addresses",
    "asking",
    "clock",
    "configuring",
    "enqueueing",
    "helpers",
    "many",
    "mime",
    "operations",
    "sessions",
    "states",
    "sync",
    "writing",
    "xtext",
]
