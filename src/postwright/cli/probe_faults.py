"""What is wrong with a server, from the facts; and what could be better, which does not count as wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from postwright.cli.explaining import advice, in_options
from postwright.errors import CertificateRejected, ExtensionMissing, LoginRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.cli.probe_facts import TLS, Facts
    from postwright.tls.certificate import Certificate

SOON = 21
"""Days before its end at which a certificate counts as about to expire."""

_READABLE = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")  # they show the secret itself to everyone on the way
_OLD = ("SSLv3", "TLSv1", "TLSv1.1")
_FEW_BITS = 128
_USEFUL = {
    "PIPELINING": "each command costs a round trip",
    "SIZE": "a mail that is too big is refused only after all of it was sent",
    "8BITMIME": "text that is not ASCII must be encoded",
}


class Fault(NamedTuple):
    """One thing that is wrong.

    ``code`` is its name for programs; where ``serious`` is False it could only be better.
    """

    code: str
    text: str
    serious: bool = True


def faults(facts: Facts, now: dt.datetime, *, tls_wanted: bool = True) -> list[Fault]:
    """Return what is wrong, and then what could be better.

    Args:
        facts: What was learned.
        now: The time.
        tls_wanted: Whether TLS was to be used where the server has it.
    """
    found = [*_certificates(facts, now)]
    if facts.tls is not None:
        found += _negotiated(facts.tls)
    found += [*_plaintext(facts, tls_wanted=tls_wanted), *_offers(facts), *_error(facts)]
    return sorted(found, key=lambda fault: not fault.serious)


def moment(digits: str) -> dt.datetime | None:
    """Return the moment that a certificate names, None where it makes no sense."""
    try:
        return dt.datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _plaintext(facts: Facts, *, tls_wanted: bool) -> Iterator[Fault]:
    offered = facts.before
    if offered is None:
        return
    if "STARTTLS" not in offered:
        yield Fault("no_starttls", "STARTTLS is not offered: everyone on the way can read and change the mail")
    elif not tls_wanted:
        yield Fault("tls_not_tried", "TLS was not looked at, because of --tls none", serious=False)
    elif facts.starttls is not None and facts.starttls.code != 220:
        yield Fault("starttls_refused", f"STARTTLS is offered, and then refused: {facts.starttls}")
    if facts.begins_in_plaintext:
        yield Fault("begins_in_plaintext", "this port begins without TLS: to send, say --tls starttls", serious=False)
    if readable := [name for name in offered.mechanisms if name in _READABLE]:
        yield Fault(
            "auth_in_plaintext", f"without TLS a login by {', '.join(readable)} is offered, which shows the password"
        )


def _certificates(facts: Facts, now: dt.datetime) -> Iterator[Fault]:
    if facts.chain and not facts.trusted:
        yield Fault("certificate", f"the certificate is not trusted: {in_options(facts.verdict)}")
    for depth, one in enumerate(facts.chain):
        if one is None or (depth and one.self_issued):  # what a root says of itself is not asked by anybody
            continue
        yield from _expiry(one, now)


def _expiry(one: Certificate, now: dt.datetime) -> Iterator[Fault]:
    end = moment(one.not_after)
    if end is not None and now <= end < now + dt.timedelta(days=SOON):
        left = (end - now).days
        yield Fault(
            "certificate_expires",
            f"the certificate of {one.subject or 'the server'} expires in {left} day{'' if left == 1 else 's'}, "
            f"on {end:%Y-%m-%d}",
        )


def _negotiated(tls: TLS) -> Iterator[Fault]:
    if tls.protocol in _OLD:
        yield Fault("old_protocol", f"{tls.protocol} is spoken, which is broken: TLS 1.2 and 1.3 are not")
    elif tls.protocol != "TLSv1.3":
        yield Fault("not_newest_protocol", f"{tls.protocol} is spoken, and not TLS 1.3", serious=False)
    if 0 < tls.bits < _FEW_BITS:
        yield Fault("weak_cipher", f"{tls.cipher} has a key of {tls.bits} bits only")
    if tls.exchange == "rsa":
        yield Fault(
            "no_forward_secrecy", "who gets the server's key some day can read what was recorded today (RSA)", False
        )


def _offers(facts: Facts) -> Iterator[Fault]:
    if facts.hello_refused:
        yield Fault("no_ehlo", "EHLO is refused: the server has no extensions, and so no TLS and no login")
        return
    if facts.after is not None and "STARTTLS" in facts.after:
        yield Fault("starttls_again", "STARTTLS is offered inside TLS too (RFC 3207 section 4.2)", serious=False)
    if facts.offers is None:
        return
    for keyword, why in _USEFUL.items():
        if keyword not in facts.offers:
            yield Fault(f"no_{keyword.lower()}", f"{keyword} is not offered: {why}", serious=False)


def _error(facts: Facts) -> Iterator[Fault]:
    """Return what ended the probe, unless it was said already."""
    error = facts.error
    if error is None or (isinstance(error, CertificateRejected) and not facts.trusted):
        return
    if isinstance(error, ExtensionMissing) and "STARTTLS" in error.message:
        return
    code = "login_refused" if isinstance(error, LoginRefused) else "failed"
    words = in_options(error.message).replace("; nothing was sent", "").rstrip(". ")
    yield Fault(code, ". ".join(filter(None, [words, advice(error)])).rstrip("."))
