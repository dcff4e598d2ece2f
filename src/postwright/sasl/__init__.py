"""SASL mechanisms (RFC 4422): how a client logs in.

Another package brings one as a ``Mechanism``, named by an entry point of the group ``postwright.sasl``; the rules stand in
``postwright.sasl.mechanism``, and ``postwright.sasl.conformance.conform`` checks them.
"""

from __future__ import annotations

from postwright.sasl.mechanism import ChallengeError, Credentials, Dialogue, Mechanism, register

__all__ = ["ChallengeError", "Credentials", "Dialogue", "Mechanism", "register"]
