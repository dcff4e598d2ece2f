"""Every way to log in: mechanisms, tokens, client certificates."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate

from postwright.cli.arguments import parse
from postwright.cli.connecting import client_of
from postwright.enums import AuthMechanism
from postwright.sasl.mechanism import KNOWN
from tests.cli.conftest import Program
from tests.cli.server import Server

OPEN = ["--allow-cleartext-auth"]


@pytest.mark.parametrize(
    ("name", "mechanism"),
    [
        ("auto", AuthMechanism.USER_PASSWORD),
        ("plain", AuthMechanism.SASL_PLAIN),
        ("login", AuthMechanism.LOGIN),
        ("CRAM-MD5", AuthMechanism.CRAM_MD5),
        ("digest-md5", AuthMechanism.SASL_DIGEST_MD5),
        ("ntlm", AuthMechanism.NTLM),
        ("scram-sha-1", AuthMechanism.SCRAM_SHA_1),
        ("scram-sha-256", AuthMechanism.SCRAM_SHA_256),
        ("scram-sha-512", AuthMechanism.SCRAM_SHA_512),
        ("xoauth2", AuthMechanism.XOAUTH2),
        ("oauthbearer", AuthMechanism.OAUTHBEARER),
        ("kerberos", AuthMechanism.KERBEROS),
        ("gssapi", AuthMechanism.KERBEROS),
        ("external", AuthMechanism.EXTERNAL),
    ],
)
def test_names(name: str, mechanism: AuthMechanism) -> None:
    assert client_of(parse(["send", "--auth", name])).auth_mechanism is mechanism


def test_every_mechanism_of_the_library_has_a_name() -> None:
    for name in KNOWN:
        client_of(parse(["send", "--auth", name.removesuffix("-PLUS")]))


@pytest.mark.parametrize(("how", "said"), [("xoauth2", "auth=Bearer ya29.x\1\1"), ("oauthbearer", "Bearer ya29.x\1\1")])
@pytest.mark.parametrize("place", ["env", "command", "password"])
def test_tokens(
    run: Program,
    server: Server,
    plain: list[str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    said: str,
    place: str,
) -> None:
    server.extensions = (f"AUTH {how.upper()}",)
    monkeypatch.setenv("MY_TOKEN", "ya29.x")
    words = {
        "env": ["--token-env", "MY_TOKEN"],
        "command": ["--token-command", "echo ya29.x"],
        "password": ["--password-env", "MY_TOKEN"],
    }[place]
    done = run(*plain, "--text", "x", *OPEN, "-u", "me", "--auth", how, *words)
    assert done.code == 0, done.err
    assert server.answers[0].endswith(said)
    assert "me" in server.answers[0]


def test_a_token_may_say_who_it_is(run: Program, server: Server, plain: list[str]) -> None:
    server.extensions = ("AUTH OAUTHBEARER",)
    words = ["--auth", "oauthbearer", "--token-command", "echo ya29.x"]
    assert run(*plain, "--text", "x", *OPEN, *words).code == 0
    assert server.answers[0].startswith("n,,\1")


@pytest.mark.parametrize("option", ["--token", "--oauth2-bearer"])
def test_a_token_is_never_on_the_command_line(run: Program, plain: list[str], option: str) -> None:
    done = run(*plain, option, "ya29.x")
    assert done.code == 64
    assert "a token is not taken from the command line" in done.words
    assert "ya29" not in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("-u me --token-env HOME", "a token needs --auth xoauth2"),
        ("-u me --auth plain --token-env HOME", "a token needs --auth xoauth2"),
        ("--auth xoauth2 --token-env HOME", "give --user"),
        ("--auth plain", "--auth plain needs a user"),
        ("--auth apop", "invalid choice"),
        ("--token-env HOME --password-env HOME", "not allowed with"),
        ("--cert-subject x", "give --cert FILE"),
        ("--cert-password-env HOME", "give --cert FILE"),
        ("--cert-password x", "--cert-password-env VAR"),
    ],
)
def test_what_is_wrong(run: Program, server: Server, plain: list[str], words: str, told: str) -> None:
    done = run(*plain, "--text", "x", *words.split())
    assert done.code == 64
    assert told in done.words
    assert server.connections == 0


def test_external_needs_neither_user_nor_password(run: Program, server: Server, plain: list[str]) -> None:
    server.extensions = ("AUTH EXTERNAL",)
    assert run(*plain, "--text", "x", *OPEN, "--auth", "external").code == 0
    assert server.answers == [""]


@pytest.fixture
def curious(authority: trustme.CA, certificate: trustme.LeafCert) -> Iterator[Server]:
    """A server that insists on a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    made = Server(context=context)
    yield made
    made.close()


@pytest.fixture(scope="session")
def mine(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("me@example.org", common_name="Me Myself")


@pytest.fixture
def pem(mine: trustme.LeafCert, tmp_path: Path) -> str:
    """The certificate and its key as PEM."""
    path = tmp_path / "mine.pem"
    path.write_bytes(mine.private_key_and_cert_chain_pem.bytes())
    return str(path)


@pytest.fixture
def pfx(mine: trustme.LeafCert, tmp_path: Path) -> str:
    """The same in a file with a password."""
    key = load_pem_private_key(mine.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey)
    shown = load_pem_x509_certificate(mine.cert_chain_pems[0].bytes())
    lock = BestAvailableEncryption(b"hunter two")
    path = tmp_path / "mine.pfx"
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"me", key, shown, None, lock))
    return str(path)


@pytest.fixture
def start(curious: Server, ca_file: str) -> list[str]:
    mail = ["-f", "me@example.org", "-t", "you@example.org", "--text", "x", "--starttls", "--ca-file", ca_file]
    return ["send", "-s", curious.address, *mail]


@pytest.mark.parametrize(
    ("form", "words"), [("pem", ""), ("pem", "--cert-type pem"), ("pfx", ""), ("pfx", "--cert-type P12")]
)
def test_a_client_certificate(
    run: Program,
    curious: Server,
    start: list[str],
    mine: trustme.LeafCert,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    words: str,
) -> None:
    if form == "pfx":
        monkeypatch.setenv("POSTWRIGHT_CERT_PASSWORD", "hunter two")
    done = run(*start, "--cert", request.getfixturevalue(form), *words.split())
    assert done.code == 0, done.err
    der = ssl.PEM_cert_to_DER_cert(mine.cert_chain_pems[0].bytes().decode())
    assert curious.shown == [der]


def test_a_server_that_wants_one(run: Program, curious: Server, start: list[str]) -> None:
    done = run(*start)
    assert done.code != 0
    assert "give one with --cert" in done.words
    assert curious.mails == []


def test_the_password_of_a_certificate(
    run: Program, start: list[str], pfx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start += ["--cert", pfx]
    done = run(*start)
    assert done.code == 78
    assert "give --cert-password-env" in done.words
    monkeypatch.setenv("ELSEWHERE", "hunter two")
    assert run(*start, "--cert-password-env", "ELSEWHERE").code == 0
    assert run(*start, "--cert-password-env", "NOWHERE_AT_ALL").code == 78


def test_which_certificate(run: Program, start: list[str], pem: str, tmp_path: Path) -> None:
    assert run(*start, "--cert", pem, "--cert-subject", "Somebody Else").code == 78
    assert run(*start, "--cert", pem, "--cert-subject", "Me Myself").code == 0
    assert run(*start, "--cert", str(tmp_path / "none")).code == 66
