"""Logging in: which mechanism, which secrets, and what is done about them afterwards.

It owns the choice and the asking for secrets; the lines of the exchange belong to ``exchange``. No secret is in its
errors, nor in the frames that a traceback with local variables would show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from postwright.enums import AuthMechanism
from postwright.errors import ExtensionMissing, InactivityTimeout, InvalidValue, LoginRefused, NotAvailable
from postwright.flow import Apart, Call, Sleep, Wait
from postwright.options.kinds import SECRET
from postwright.sasl.mechanism import KNOWN, Credentials, find, is_settled
from postwright.session.exchange import Exchange
from postwright.session.states import Step
from postwright.wire.commands import command
from postwright.wire.extensions import Extensions

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from postwright.options.secrets import Secret, Source
    from postwright.sasl.mechanism import Mechanism
    from postwright.session.session import Session
    from postwright.words import Reply

PAUSE = 0.01
"""Seconds between two looks at what another connection is asking for."""

_BOUND = "-PLUS"

_EXACT = {
    AuthMechanism.CRAM_MD5: "CRAM-MD5",
    AuthMechanism.NTLM: "NTLM",
    AuthMechanism.SASL_PLAIN: "PLAIN",
    AuthMechanism.SASL_DIGEST_MD5: "DIGEST-MD5",
    AuthMechanism.KERBEROS: "GSSAPI",
    AuthMechanism.XOAUTH2: "XOAUTH2",
    AuthMechanism.LOGIN: "LOGIN",
    AuthMechanism.SCRAM_SHA_1: "SCRAM-SHA-1",
    AuthMechanism.SCRAM_SHA_256: "SCRAM-SHA-256",
    AuthMechanism.SCRAM_SHA_512: "SCRAM-SHA-512",
    AuthMechanism.OAUTHBEARER: "OAUTHBEARER",
    AuthMechanism.EXTERNAL: "EXTERNAL",
}

_TOKEN = {AuthMechanism.XOAUTH2, AuthMechanism.OAUTHBEARER}
_LOGIN = frozenset({"auth_mechanism", "authorization_identity", "password", "sasl_mechanism", "user"})
"""The options that ask for a login, by their keys."""
_WITHOUT_SECRET = {AuthMechanism.KERBEROS, AuthMechanism.EXTERNAL}


async def log_in(session: Session) -> None:
    """Log in, if a user or password is set, or a mechanism that needs neither.

    Raises:
        ExtensionMissing: The server offers no login, or not the mechanism that is asked for.
        LoginRefused: The server refused; 535 means wrong credentials, 454 means try later.
        NotAvailable: The credentials would travel without TLS, or a library is missing.
    """
    if session.login_done or not _wanted(session):
        return
    mechanism = await choose(session)
    if not (session.secure or session.plan.settings.allow_cleartext_auth):
        raise NotAvailable(
            "a login without TLS would show the password to everyone on the way; nothing was sent. "
            "Use TLS (ssl_start_mode), or set AllowCleartextAuth=True if the way is safe"
        )
    session.step(Step.AUTH)
    try:
        reply = await _try(session, mechanism)
    except BaseException as error:
        _forget_frames(error)
        raise
    session.login_done = True
    await _hello_again(session, reply)


def _wanted(session: Session) -> bool:
    properties, settings = session.plan.properties, session.plan.settings
    if _LOGIN.isdisjoint(properties._store.values):
        return False
    asked = AuthMechanism(properties.auth_mechanism)
    with_token = asked in _TOKEN and bool(settings.authorization_identity)
    named = bool(settings.sasl_mechanism)
    return bool(properties.user or properties.password) or with_token or named or asked in _WITHOUT_SECRET


# Which mechanism


async def choose(session: Session) -> Mechanism:
    """Return the mechanism to use: the exact one asked for, or the strongest that is offered and can be used."""
    offered = session.extensions.mechanisms
    if not offered:
        hint = "" if session.secure else " without TLS"
        raise ExtensionMissing(f"the server offers no login (AUTH){hint}")
    asked = AuthMechanism(session.plan.properties.auth_mechanism)
    name = session.plan.settings.sasl_mechanism
    if name and asked is not AuthMechanism.USER_PASSWORD:
        raise InvalidValue("AuthMechanism and SASLMechanism are both set; one of them decides")
    if name:
        return await _exact(session, name, offered, "SASLMechanism")
    if asked is AuthMechanism.USER_PASSWORD:
        return await _strongest(session, offered)
    return await _exact(session, _or_bound(session, _EXACT[asked], offered), offered, "AuthMechanism")


def _or_bound(session: Session, name: str, offered: tuple[str, ...]) -> str:
    """Return a name of SCRAM as that of its form with channel binding, the same mechanism and the better one."""
    bound = name + _BOUND
    if bound in offered and (_binding_of_version(session) or (name not in offered and _any_binding(session))):
        return bound
    return name


async def _exact(session: Session, name: str, offered: tuple[str, ...], option: str) -> Mechanism:
    if name not in offered:
        raise ExtensionMissing(f"{option} asks for {name}; the server offers {', '.join(offered)}")
    mechanism = await _look_up(name)
    if mechanism is None:
        raise NotAvailable(f"{name}: no package that is installed brings it")
    if why := _unusable(session, mechanism):
        raise NotAvailable(f"{name}: {why}")
    return mechanism


async def _look_up(name: str) -> Mechanism | None:
    return find(name) if is_settled(name) else await Call(find, name)


async def _strongest(session: Session, offered: tuple[str, ...]) -> Mechanism:
    skipped: list[str] = []
    usable: list[Mechanism] = []
    for name in offered:
        mechanism = await _look_up(name)
        if mechanism is None or mechanism.strength <= 0 or (name.endswith(_BOUND) and not _may_bind(session, offered)):
            continue
        if why := _unusable(session, mechanism):
            skipped.append(f"{name}: {why}")
            await session.talk.note(f"{name} is skipped: {why}")
            continue
        usable.append(mechanism)
    if not usable:
        because = f" ({'; '.join(skipped)})" if skipped else ""
        raise ExtensionMissing(
            f"no mechanism in common: the server offers {', '.join(offered)}, this client can {', '.join(KNOWN)}{because}"
        )
    return max(usable, key=lambda mechanism: mechanism.strength)


def _unusable(session: Session, mechanism: Mechanism) -> str:
    """Say why a mechanism can't be used for this login; "" when it can."""
    if session.plan.settings.authorization_identity and not mechanism.acts_as:
        return "it can't carry an AuthorizationIdentity"
    return mechanism.missing()


# Channel binding


def _binding(session: Session, kind: str) -> bytes | None:
    """Return the channel binding of a kind, None where there is none."""
    layer = session.link.tls
    ask: Callable[[str], bytes | None] | None = getattr(layer, "channel_binding", None)
    if layer is None or ask is None or (kind == "tls-unique" and layer.version == "TLSv1.3"):
        return None  # TLS 1.3 has no tls-unique (RFC 8446 appendix C.5)
    return ask(kind)


def _binding_of_version(session: Session) -> bool:
    """Whether there is the kind that servers expect: tls-exporter with TLS 1.3 (RFC 9266), before it tls-unique.

    The third kind, tls-server-end-point, is known to few servers, and a refusal can't be told from a wrong password:
    it is only used where there is no login without channel binding.
    """
    return _binding(session, "tls-exporter") is not None or _binding(session, "tls-unique") is not None


def _any_binding(session: Session) -> bool:
    return _binding_of_version(session) or _binding(session, "tls-server-end-point") is not None


def _may_bind(session: Session, offered: tuple[str, ...]) -> bool:
    bare = any(name.startswith("SCRAM-") and not name.endswith(_BOUND) for name in offered)
    return _binding_of_version(session) or (not bare and _any_binding(session))


# Which secrets


class _Flight:
    """A question to a source of secrets that is on its way; other connections wait for its answer."""

    __slots__ = ("answer", "done")

    def __init__(self) -> None:
        self.answer: str | None = None
        self.done = False


_flights: dict[Hashable, _Flight] = {}


class _Secrets(NamedTuple):
    """What was asked for; it is never shown."""

    password: str
    identity: str

    def __repr__(self) -> str:
        return "<secrets>"


async def _try(session: Session, mechanism: Mechanism) -> Reply:
    """Log in; when a secret that came from a function is refused (535), ask for it once more."""
    secrets = await _ask_all(session)
    try:
        return await _attempt(session, mechanism, secrets)
    except LoginRefused as error:
        if error.reply is None or error.reply.code != 535 or not session.in_order:
            raise
        again = await _ask_all(session, refused=secrets)
        if again == secrets:  # the same once more would only help to lock the account
            raise
        await session.talk.note("the login was refused, and there is a new secret: trying once more")
    return await _attempt(session, mechanism, again)


async def _ask_all(session: Session, refused: _Secrets | None = None) -> _Secrets:
    options = (session.plan.properties.password, session.plan.settings.authorization_identity)
    found = [
        await _ask(session, option, name, refused and refused[index])
        for index, (name, option) in enumerate(zip(("Password", "AuthorizationIdentity"), options, strict=True))
    ]
    return _Secrets(*found)


async def _ask(session: Session, option: Secret, name: str, refused: str | None) -> str:
    """Return a secret as a text; a source that remembers is told which one was refused."""
    if isinstance(option, str):
        return option
    forget = getattr(option, "forget", None)
    if refused is not None and callable(forget):
        forget(refused)
    answer = await _single_flight(option, session.link.timeout, refused)
    if not isinstance(answer, str):
        raise InvalidValue(f"the function in {name} gave a {type(answer).__name__}, not a text")
    return SECRET.check(name, answer)


async def _single_flight(source: Source, patience: float | None = None, refused: str | None = None) -> str:
    """Ask a source; while one connection asks, the others that want the same wait for its answer.

    Args:
        source: What to ask.
        patience: Seconds to wait for an answer, None for no limit.
        refused: What the server refused: an answer that another connection asked for before is none if it is that.

    Raises:
        InactivityTimeout: There was no answer in time.
    """
    mine = _Flight()
    key: Hashable = source if getattr(source, "__hash__", None) else id(source)
    waited = 0.0
    while (first := _flights.setdefault(key, mine)) is not mine:
        while not first.done:
            if patience is not None and waited > patience:
                raise InactivityTimeout(f"the secret that another connection asks for did not come for {patience:g} s")
            await Sleep(PAUSE)
            waited += PAUSE
        if first.answer is not None and first.answer != refused:
            return first.answer
    try:
        # A source may say that it waits for somebody; others are called where asynchronous ones must be.
        whom = getattr(source, "waits_for", "")
        mine.answer = await (Apart(whom, patience, source) if whom else Wait(source))
        return mine.answer
    finally:
        del _flights[key]
        mine.done = True


async def _attempt(session: Session, mechanism: Mechanism, secrets: _Secrets) -> Reply:
    properties, settings = session.plan.properties, session.plan.settings
    token = mechanism.takes_token
    credentials = Credentials(
        user=properties.user,
        password="" if token else secrets.password,
        identity="" if token else secrets.identity,
        token=(secrets.identity or secrets.password) if token else "",
        host=settings.tls_server_name or properties.mail_server,
        port=properties.mail_port,
        channel_binding=lambda kind: _binding(session, kind),
        binding_offered=any(name.endswith(_BOUND) for name in session.extensions.mechanisms),
    )
    veil = session.veil(masked=settings.mask_sensitive)
    for each in secrets:
        veil.hide(each)
    try:
        return await Exchange(session, mechanism, credentials, veil).run()
    except LoginRefused as error:
        raise LoginRefused(veil.text(error.detail), reply=error.reply) from None


# Afterwards


async def _hello_again(session: Session, login: Reply) -> None:
    """Say EHLO once more: some servers offer more to whom they know. ``last_reply`` stays the login's."""
    if session.facts.get("hello_verb") != "EHLO":
        return
    reply = await session.talk.ask(command(f"EHLO {session.facts['hello_name']}"))
    if reply.code == 250:
        session.offer(Extensions.of(reply))
    session.talk.last_reply = login


def _forget_frames(error: BaseException | None) -> None:
    """Drop the frames of an error and of its causes: their local variables hold secrets."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
