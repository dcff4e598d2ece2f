"""NTLM (MS-NLMP): NTLMv2 with its message integrity code and, under TLS, channel binding, through pyspnego.

It is what old Exchange servers speak. Any proof in it can be guessed at by who records it, so it is only used when it
is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from postwright.sasl.mechanism import ChallengeError, Mechanism, octets, register

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue


def _missing() -> str:
    return "" if find_spec("spnego") else "it needs pyspnego: pip install 'postwright[ntlm]'"


def _context(credentials: Credentials) -> Any:
    import spnego  # noqa: PLC0415 - an extra, loaded when it is first needed
    from spnego.channel_bindings import GssChannelBindings  # noqa: PLC0415

    ask = credentials.channel_binding
    binding = (
        ask("tls-server-end-point") if ask is not None else None
    )  # the kind that Windows checks (MS-NLMP 3.1.5.1.2)
    bound = None if binding is None else GssChannelBindings(application_data=b"tls-server-end-point:" + binding)
    return spnego.client(
        credentials.user,
        credentials.password,
        hostname=credentials.host,
        service=credentials.service,
        channel_bindings=bound,
        protocol="ntlm",
        options=spnego.NegotiateOptions.use_ntlm,  # the same code on every system, never the logged-in user's password
    )


def _ntlm(credentials: Credentials) -> Dialogue:
    octets(credentials.user + credentials.password, "user name or password")
    context = _context(credentials)
    challenge = yield context.step() or b""
    try:
        answer = context.step(challenge) or b""
    except Exception as error:  # noqa: BLE001 - offsets and lengths of a hostile challenge end in errors of many kinds
        raise ChallengeError(f"it is no NTLM challenge ({type(error).__name__})") from None
    yield answer


NTLM = register(Mechanism("NTLM", client_first=True, start=_ntlm, acts_as=False, blocking=True, missing=_missing))
