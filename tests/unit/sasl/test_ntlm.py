"""NTLM: what the library is asked for, and that a server which checks everything agrees."""

from __future__ import annotations

import importlib.util
import struct
from typing import TYPE_CHECKING, Any

import pytest
import spnego

from postwright.sasl.conformance import conform
from postwright.sasl.mechanism import ChallengeError, Credentials
from postwright.sasl.ntlm import NTLM
from tests.support.sasl import ALICE, ended

if TYPE_CHECKING:
    from pathlib import Path

BINDING = b"tls-server-end-point:"


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("EXAMPLE:alice:sesame\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))
    monkeypatch.delenv("LM_COMPAT_LEVEL", raising=False)


def server(binding: bytes | None = None) -> Any:
    bound = None if binding is None else spnego.channel_bindings.GssChannelBindings(application_data=BINDING + binding)
    use = spnego.NegotiateOptions.use_ntlm
    return spnego.server(hostname="mail", service="smtp", protocol="ntlm", channel_bindings=bound, options=use)


def proof(credentials: Credentials, judge: Any) -> bytes:
    """Let a client and a server speak up to the client's proof."""
    dialogue = NTLM.start(credentials)
    answer = dialogue.send(judge.step(next(dialogue)))
    assert ended(dialogue)
    return answer


def of_user(user: str, binding: bytes | None = None) -> Credentials:
    return Credentials(
        user,
        "sesame",
        host="mail.example.org",
        channel_binding=lambda kind: binding if kind == "tls-server-end-point" else b"x",
    )


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("user", ["EXAMPLE\\alice"])
def test_a_server_agrees(user: str) -> None:
    judge = server()
    judge.step(proof(of_user(user), judge))
    assert judge.complete


@pytest.mark.usefixtures("users")
def test_the_proof_is_version_2_with_a_code_over_all_messages() -> None:
    message = proof(of_user("EXAMPLE\\alice"), server())
    assert message[:12] == b"NTLMSSP\0\3\0\0\0"
    length = struct.unpack_from("<H", message, 20)[0]
    assert length > 24, "an NTLMv1 response has 24 octets"
    assert message[72:88] != bytes(16), "the message integrity code"


@pytest.mark.usefixtures("users")
def test_it_is_bound_to_the_tls_connection() -> None:
    judge = server(b"certificate")
    judge.step(proof(of_user("EXAMPLE\\alice", b"certificate"), judge))
    assert judge.complete
    judge = server(b"certificate")
    passed_on = proof(of_user("EXAMPLE\\alice", b"another certificate"), judge)
    with pytest.raises(spnego.exceptions.BadBindingsError):
        judge.step(passed_on)


@pytest.mark.usefixtures("users")
def test_a_wrong_password_is_no_proof() -> None:
    judge = server()
    wrong = proof(of_user("EXAMPLE\\alice")._replace(password="wrong"), judge)
    with pytest.raises(spnego.exceptions.InvalidTokenError):
        judge.step(wrong)


def test_it_keeps_the_rules() -> None:
    conform(NTLM, ALICE)


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("cut", [0, 8, 12, 31, 47])
def test_a_challenge_that_is_cut_or_points_outside_makes_no_sense(cut: int) -> None:
    dialogue = NTLM.start(of_user("EXAMPLE\\alice"))
    good = server().step(next(dialogue))
    with pytest.raises(ChallengeError, match="no NTLM challenge"):
        dialogue.send(good[:cut])


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NTLM.missing() == ""
    monkeypatch.setattr("postwright.sasl.ntlm.find_spec", lambda _: None)
    assert "pip install 'postwright[ntlm]'" in NTLM.missing()
    assert importlib.util.find_spec("spnego")
