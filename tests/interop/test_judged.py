"""Logins that libraries of others judge: GNU SASL, Cyrus SASL and GSS-NTLMSSP, also with channel binding; both clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from postwright import AuthMechanism
from tests.interop import cyrus, gsasl, gssntlm
from tests.interop.cyrus import Cyrus
from tests.interop.gsasl import GnuSasl
from tests.interop.gssntlm import GssNtlm
from tests.interop.judged import Judged
from tests.interop.logins import Make, needs, refused, used
from tests.interop.servers import Authority

pytestmark = pytest.mark.interop

Serve = Callable[..., Judged]

BARE = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]


@pytest.fixture
def serve(ca: Authority) -> Iterator[Serve]:
    """Starts servers."""
    with ExitStack() as stack:
        yield lambda judges, *offered, tls13=True: stack.enter_context(
            Judged(ca, judges, *offered, tls13=tls13).serving()
        )


# GNU SASL


@pytest.fixture
def gnu(serve: Serve) -> Serve:
    """Starts servers with GNU SASL; ``binds`` says whether it knows the channel binding, whatever is offered."""
    gsasl.library()

    def start(*offered: str, tls13: bool = True, binds: bool = False) -> Judged:
        return serve(GnuSasl if binds else lambda mechanism, _: GnuSasl(mechanism, {}), *offered, tls13=tls13)

    return start


@pytest.mark.parametrize("name", BARE)
def test_gnu_sasl_agrees(alice: Make, gnu: Serve, name: str) -> None:
    port = gnu(name).port
    assert used(alice(port)) == name
    assert refused(alice(port, password="wrong")).reply is not None


@pytest.mark.parametrize("name", [name for name in BARE if name != "DIGEST-MD5"])
def test_gnu_sasl_agrees_in_any_script(alice: Make, gnu: Serve, name: str) -> None:
    assert used(alice(gnu(name).port, user="jürgen", password="pässwörd")) == name


@pytest.mark.parametrize("name", [name for name in BARE if name not in {"LOGIN", "CRAM-MD5"}])
def test_gnu_sasl_hears_as_whom_somebody_acts(alice: Make, gnu: Serve, name: str) -> None:
    server = gnu(name)
    client = alice(server.port)
    client.settings.authorization_identity = "bob"
    assert used(client) == name
    assert used(alice(server.port)) == name
    assert server.acting == ["bob", "alice" if name == "PLAIN" else ""]


@pytest.mark.parametrize("name", ["PLAIN", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_names_may_hold_what_separates_others(alice: Make, gnu: Serve, name: str) -> None:
    assert used(alice(gnu(name).port, user="odd=name,here", password="=,=,")) == name


@pytest.mark.parametrize("bits", [1, 256])
def test_channel_binding_comes_first_where_it_can_be_had(alice: Make, gnu: Serve, bits: int) -> None:
    name = f"SCRAM-SHA-{bits}"
    server = gnu("PLAIN", name, f"{name}-PLUS", tls13=False, binds=True)
    assert used(alice(server.port)) == f"{name}-PLUS"
    assert refused(alice(server.port, password="wrong")).reply is not None


def test_channel_binding_with_tls_1_3(alice: Make, gnu: Serve) -> None:
    client = alice(gnu("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", binds=True).port)
    client.ssl_provider = 2  # the one that can export keys
    assert used(client) == "SCRAM-SHA-256-PLUS"


def test_who_offers_no_channel_binding_any_more_is_found_out(alice: Make, gnu: Serve) -> None:
    # The server can do it, the offer does not have it: as if somebody in the middle had taken it out.
    client = alice(gnu("SCRAM-SHA-256", tls13=False, binds=True).port)
    assert refused(client).reply is not None


# Cyrus SASL

BINDINGS = [("tls-unique", False, 0), ("tls-exporter", True, 2), ("tls-server-end-point", True, 0)]
"""Kinds of channel binding, and where each is the one: with TLS 1.3 or before, and the provider of TLS."""


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> None:
    cyrus.know(tmp_path_factory.mktemp("sasldb"), {"alice": "alicepw"})


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize(("kind", "tls13", "provider"), BINDINGS)
@pytest.mark.parametrize("bits", [1, 256, 512])
def test_cyrus_sasl_takes_each_kind_of_channel_binding(
    alice: Make, serve: Serve, bits: int, kind: str, tls13: bool, provider: int
) -> None:
    name = f"SCRAM-SHA-{bits}-PLUS"
    port = serve(partial(Cyrus, kind), name, tls13=tls13).port
    assert used(alice(port, ssl_provider=provider)) == name
    assert refused(alice(port, ssl_provider=provider, password="wrong")).reply is not None


@pytest.mark.usefixtures("users")
def test_a_login_bound_to_another_connection_is_refused(alice: Make, serve: Serve) -> None:
    def elsewhere(mechanism: str, bindings: dict[str, bytes]) -> Cyrus:
        return Cyrus("tls-unique", mechanism, {kind: bytes(len(data)) for kind, data in bindings.items()})

    assert refused(alice(serve(elsewhere, "SCRAM-SHA-512-PLUS", tls13=False).port)).reply is not None


# GSS-NTLMSSP


@pytest.fixture
def ntlm(serve: Serve, tmp_path: Path) -> Serve:
    needs("ntlm", "spnego")
    needs("kerberos", "gssapi")
    gssntlm.mechanism()
    return lambda **binding: serve(lambda _, bindings: GssNtlm(tmp_path, bindings | binding), "NTLM")


def test_ntlm_is_bound_to_the_certificate(alice: Make, ntlm: Serve) -> None:
    port = ntlm().port
    assert used(alice(port, auth_mechanism=AuthMechanism.NTLM, user="EXAMPLE\\alice")) == "NTLM"
    wrong = alice(port, auth_mechanism=AuthMechanism.NTLM, user="EXAMPLE\\alice", password="wrong")
    assert refused(wrong).reply is not None


def test_ntlm_bound_to_another_certificate_is_refused(alice: Make, ntlm: Serve) -> None:
    server = ntlm(**{"tls-server-end-point": bytes(32)})
    assert refused(alice(server.port, auth_mechanism=AuthMechanism.NTLM, user="EXAMPLE\\alice")).reply is not None
