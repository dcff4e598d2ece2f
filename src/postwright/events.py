"""The nine events. A handler gets one of these objects; only ``SSLServerAuthentication.accept`` may be changed."""

from __future__ import annotations

from typing import TypeAlias

from postwright.enums import Direction  # noqa: TC001 - the fields' types can be asked for at run time
from postwright.record import Frozen, Record


class ConnectionStatus(Frozen):
    """The connection's state changed: connected, proxy passed, TLS finished, disconnected.

    ``status_code`` is 0, or the number of the error that ended the connection.
    """

    connection_event: str
    status_code: int
    description: str


class StartTransfer(Frozen):
    """The message text, or the attached file, starts to go out."""

    direction: Direction


class Transfer(Frozen):
    """A part of the message went out.

    ``bytes_transferred`` counts from the beginning of the body; ``percent_done`` is -1 where the total is unknown;
    ``text`` is the part that was just sent.
    """

    direction: Direction
    bytes_transferred: int
    percent_done: int
    text: bytes


class EndTransfer(Frozen):
    """The message text, or the attached file, has gone out."""

    direction: Direction


class Error(Frozen):
    """Something went wrong that did not end the operation, for example a refused Bcc recipient."""

    error_code: int
    description: str


class Expand(Frozen):
    """One address of the list that ``expand()`` asked for."""

    address: str


class PITrail(Frozen):
    """One line of the dialogue; secrets are masked. Message headers and bodies are not shown."""

    direction: Direction
    message: str


class SSLServerAuthentication(Record):
    """The server showed its certificate; ``accept`` holds the verdict, which the handler may overrule.

    ``cert_encoded`` is the certificate in DER; ``status`` is "OK", or says what is wrong with it.
    """

    cert_encoded: bytes
    cert_subject: str
    cert_issuer: str
    status: str
    accept: bool

    def __init__(self, cert_encoded: bytes, cert_subject: str, cert_issuer: str, status: str, accept: bool) -> None:
        self.cert_encoded = cert_encoded
        self.cert_subject = cert_subject
        self.cert_issuer = cert_issuer
        self.status = status
        self.accept = accept

    def __setattr__(self, name: str, value: object) -> None:
        if name != "accept" and hasattr(self, name):
            raise AttributeError(f"{name} can't be changed; only accept can")
        object.__setattr__(self, name, value)


class SSLStatus(Frozen):
    """Progress of the TLS connection, for people who read logs."""

    message: str


Event: TypeAlias = (
    ConnectionStatus
    | StartTransfer
    | Transfer
    | EndTransfer
    | Error
    | Expand
    | PITrail
    | SSLServerAuthentication
    | SSLStatus
)

HANDLERS: dict[str, type[Event]] = {
    "on_connection_status": ConnectionStatus,
    "on_end_transfer": EndTransfer,
    "on_error": Error,
    "on_expand": Expand,
    "on_pi_trail": PITrail,
    "on_ssl_server_authentication": SSLServerAuthentication,
    "on_ssl_status": SSLStatus,
    "on_start_transfer": StartTransfer,
    "on_transfer": Transfer,
}
"""The attribute that a handler is assigned to, and the event it gets."""
