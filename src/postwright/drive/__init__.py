"""How bytes, time and threads move: the drivers that grant the effects of a flow."""

from __future__ import annotations

from typing import Protocol


class Driver(Protocol):
    """What both drivers can do without waiting."""

    def interrupt(self) -> None:
        """End the flow in progress with error 301."""

    def hang_up(self) -> None:
        """Close the connection."""

    def disown(self) -> None:
        """Let go of a connection that belongs to the parent of this process, which goes on with it."""

    @property
    def busy(self) -> bool:
        """Whether a flow is running."""
