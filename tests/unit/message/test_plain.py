"""Text alone: plain ASCII without MIME, the rest with just what it needs, and the user's own MIME headers believed."""

from __future__ import annotations

import email
import email.policy

import pytest

from postwright.errors import ForbiddenCharacter, InvalidValue, TextNotEncodable
from postwright.message import plain


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("hello", b"hello"),
        ("a\nb\r\nc\rd\n", b"a\r\nb\r\nc\r\nd\r\n"),
        ("x" * 998 + "\n", b"x" * 998 + b"\r\n"),
        (".\nFrom me\n", b".\r\nFrom me\r\n"),
    ],
)
def test_ascii_goes_without_mime(text: str, data: bytes) -> None:
    head, body, superseded = plain.compose(text, "iso-8859-1", {})
    assert (head, body, superseded) == (b"", data, frozenset())


def message(head: bytes, data: bytes, **given: str) -> tuple[str, str, str]:
    """Return charset, transfer encoding and text as the standard library reads them."""
    rest = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items()).encode()
    parsed = email.message_from_bytes(head + rest + b"\r\n" + data, policy=email.policy.default)
    charset = str(parsed.get_content_charset())
    raw = parsed.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return charset, str(parsed["Content-Transfer-Encoding"]), raw.decode(charset).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("text", "charset", "expected"),
    [
        ("grüße an alle\n", "", ("utf-8", "quoted-printable")),
        ("grüße an alle\n", "iso-8859-1", ("iso-8859-1", "quoted-printable")),
        ("漢字漢字\n", "", ("utf-8", "base64")),
        ("漢字漢字\n", "iso-8859-1", ("utf-8", "base64")),
        ("x" * 999, "", ("utf-8", "quoted-printable")),
    ],
)
def test_the_rest_gets_mime(text: str, charset: str, expected: tuple[str, str]) -> None:
    head, body, superseded = plain.compose(text, charset, {})
    assert head.startswith(b"MIME-Version: 1.0\r\nContent-Type: text/plain;")
    assert message(head, body) == (*expected, text)
    assert body.isascii()
    assert superseded == {"mime-version"}


def test_given_mime_headers_of_ascii_text_get_their_version_only() -> None:
    for given, head in (
        ({"content-type": "text/html"}, b"MIME-Version: 1.0\r\n"),
        ({"content-transfer-encoding": "base64"}, b"MIME-Version: 1.0\r\n"),
        ({"content-type": "text/html", "mime-version": "1.0"}, b""),
        ({"x-other": "1"}, b""),
    ):
        assert plain.compose("aGVsbG8=", "", given)[0] == head
        assert plain.compose("aGVsbG8=", "", given)[1] == b"aGVsbG8="


def test_a_given_type_keeps_its_parameters_and_gets_the_charset_that_was_used() -> None:
    head, body, superseded = plain.compose("<p>ü</p>", "", {"content-type": 'text/html; charset=iso-8859-1; x="a b"'})
    assert superseded == {"mime-version", "content-type"}
    assert b'Content-Type: text/html; x="a b"; charset="iso-8859-1"\r\n' in head
    assert message(head, body) == ("iso-8859-1", "quoted-printable", "<p>ü</p>")
    head, body, _ = plain.compose("<p>漢ü</p>", "", {"content-type": "text/html; charset=iso-8859-1"})
    assert message(head, body)[0] == "utf-8"
    head, body, _ = plain.compose("<p>ü</p>", "latin1", {"content-type": "text/html"})
    assert message(head, body) == ("iso-8859-1", "quoted-printable", "<p>ü</p>")


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit", "Base64"])
def test_a_given_transfer_encoding_is_followed(encoding: str) -> None:
    given = {"content-transfer-encoding": encoding, "content-type": "text/plain; charset=utf-8", "mime-version": "1.0"}
    head, body, superseded = plain.compose("grüße\n", "", given)
    assert head == b"MIME-Version: 1.0\r\n"
    assert superseded == {"mime-version"}
    read = message(head, body, Content_Type=given["content-type"], Content_Transfer_Encoding=encoding)
    assert read[2] == "grüße\n"
    assert body.isascii() == (encoding != "8bit")


def test_a_given_transfer_encoding_gets_the_type_that_is_missing() -> None:
    head, body, superseded = plain.compose("grüße\n", "", {"content-transfer-encoding": "8bit"})
    assert b'Content-Type: text/plain; charset="utf-8"\r\n' in head
    assert superseded == {"mime-version", "content-type"}
    assert body == "grüße\r\n".encode()


def test_contradictions_are_refused() -> None:
    with pytest.raises(InvalidValue, match="7bit"):
        plain.compose("ü", "", {"content-transfer-encoding": "7bit"})
    with pytest.raises(TextNotEncodable, match="iso-8859-1") as caught:
        plain.compose("漢", "", {"content-transfer-encoding": "8bit", "content-type": "text/plain; charset=iso-8859-1"})
    assert caught.value.code == 434
    with pytest.raises(TextNotEncodable, match="klingon"):
        plain.compose("ü", "", {"content-type": "text/plain; charset=klingon"})
    with pytest.raises(InvalidValue, match="not ASCII"):
        plain.compose("ü", "", {"content-type": "text/plain; name=ü"})
    with pytest.raises(InvalidValue, match="998"):
        plain.compose("x" * 999, "", {"content-transfer-encoding": "8bit"})


def test_a_multipart_made_by_hand_goes_out_as_it_is() -> None:
    text = "--b\n\nü\n--b--\n"
    head, body, superseded = plain.compose(text, "", {"content-type": "multipart/mixed; boundary=b"})
    assert body == text.replace("\n", "\r\n").encode()
    assert not body.isascii()
    assert head == b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
    assert "content-type" not in superseded


def test_text_before_a_file_is_not_encoded_because_the_file_is_not() -> None:
    head, body, _ = plain.compose("grüße\n", "", {}, followed=True)
    assert body == "grüße\r\n".encode()
    assert (
        head == b'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n'
    )
    assert plain.compose("plain\n", "", {}, followed=True)[0] == b""
    with pytest.raises(InvalidValue, match="998"):
        plain.compose("x" * 999, "", {}, followed=True)


def test_frozen_headers_get_nothing_added() -> None:
    head, body, superseded = plain.compose("grüße\n", "", {}, frozen=True)
    assert (head, body, superseded) == (b"", "grüße\r\n".encode(), frozenset())
    head, body, _ = plain.compose("grüße\n", "", {"content-transfer-encoding": "base64"}, frozen=True)
    assert (head, body) == (b"", b"Z3LDvMOfZQ0K\r\n")


@pytest.mark.parametrize("given", [{}, {"content-type": "text/html"}, {"content-transfer-encoding": "8bit"}])
def test_nul_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ForbiddenCharacter, match="NUL"):
        plain.compose("a\0", "", given)
