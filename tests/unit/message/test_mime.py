"""MIME: the standard library finds in it what was put in, nested as mail readers expect, 7-bit but for messages."""

from __future__ import annotations

import email
import email.policy
import io
import os
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import ForbiddenCharacter, InvalidHeader, InvalidValue
from postwright.message import mime
from postwright.message.body import Body, FileSource
from postwright.message.mime import Attachment, Entity

if TYPE_CHECKING:
    from pathlib import Path

exploring = settings(derandomize=True, max_examples=250, deadline=None)


def whole(entity: Entity) -> bytes:
    body = Body((("text", entity.sources()),))
    body.open()
    found = [b"MIME-Version: 1.0\r\n", entity.headers, b"\r\n"]
    while chunk := body.read():
        assert isinstance(chunk, bytes)
        found.append(chunk)
    body.close()
    return b"".join(found)


def parse(entity: Entity) -> EmailMessage:
    data = whole(entity)
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert entity.eight_bit or data.isascii()
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not any(part.defects for part in message.walk())
    return message


def tree(message: Any) -> Any:
    kind = message.get_content_type()
    return (kind, *map(tree, message.iter_parts())) if message.is_multipart() and kind.startswith("multipart") else kind


def compose(text: str = "", html: str = "", *attachments: Attachment, charset: str = "") -> EmailMessage:
    return parse(mime.compose(text, html, attachments, charset, os.urandom))


PDF = Attachment(b"%PDF", "a.pdf")
PNG = Attachment(b"\x89PNG", "b.png", content_id="pic")


@pytest.mark.parametrize(
    ("text", "html", "attachments", "structure"),
    [
        ("t", "", (), "text/plain"),
        ("", "h", (), "text/html"),
        ("t", "h", (), ("multipart/alternative", "text/plain", "text/html")),
        ("", "h", (PNG,), ("multipart/related", "text/html", "image/png")),
        ("t", "h", (PNG,), ("multipart/alternative", "text/plain", ("multipart/related", "text/html", "image/png"))),
        ("t", "", (PDF,), ("multipart/mixed", "text/plain", "application/pdf")),
        ("", "", (PDF,), ("multipart/mixed", "application/pdf")),
        ("t", "", (PNG,), ("multipart/mixed", "text/plain", "image/png")),
        (
            "t", "h", (PDF, PNG),
            ("multipart/mixed",
             ("multipart/alternative", "text/plain", ("multipart/related", "text/html", "image/png")), "application/pdf"),
        ),
        ("", "h", (PDF,), ("multipart/mixed", "text/html", "application/pdf")),
    ],
)  # fmt: skip
def test_parts_are_nested_as_readers_expect(
    text: str, html: str, attachments: tuple[Attachment, ...], structure: Any
) -> None:
    message = compose(text, html, *attachments)
    assert tree(message) == structure


def test_related_says_what_its_root_is_and_images_are_inline() -> None:
    message = compose("", '<img src="cid:pic">', Attachment(b"x", "b.png", content_id="<pic@x>"))
    assert message.get_param("type") == "text/html"
    image = list(message.iter_parts())[1]
    assert image["Content-ID"] == "<pic@x>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "b.png"


texts = st.lists(
    st.sampled_from(
        [
            "a",
            " ",
            "\n",
            "\r\n",
            "\r",
            "ü",
            "漢",
            "From x",
            ".",
            "..",
            "\t",
            "=",
            "x" * 75,
            "y" * 1200,
            "é" * 40,
            "\x1b",
        ]
    ),
    max_size=25,
).map("".join)


@exploring
@given(texts, texts, st.sampled_from(["", "utf-8", "iso-8859-1", "iso-2022-jp", "gb18030", "utf-16"]))
def test_texts_come_back(text: str, html: str, charset: str) -> None:
    message = compose(text, html + "<p>", charset=charset)
    lines = whole(mime.compose(text, html + "<p>", (), charset, os.urandom)).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    found = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}

    def plain(text: str) -> str:
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def read(part: Any) -> str:
        return plain(part.get_payload(decode=True).decode(part.get_content_charset()))

    assert read(found["text/html"]) == plain(html + "<p>")
    assert text == "" or read(found["text/plain"]) == plain(text)


@pytest.mark.parametrize(
    ("text", "charset", "encoding", "named"),
    [
        ("plain", "", "7bit", "utf-8"),
        ("plain", "iso-8859-1", "7bit", "iso-8859-1"),
        ("plain ü and more of it", "", "quoted-printable", "utf-8"),
        ("plain ü and more of it", "latin1", "quoted-printable", "iso-8859-1"),
        ("漢字", "", "base64", "utf-8"),
        ("5 €, three words", "latin1", "quoted-printable", "utf-8"),
        ("x" * 999, "", "quoted-printable", "utf-8"),
        ("x" * 998, "", "7bit", "utf-8"),
    ],
)
def test_the_shortest_safe_encoding_is_taken(text: str, charset: str, encoding: str, named: str) -> None:
    message = compose(text, charset=charset)
    assert message["Content-Transfer-Encoding"] == encoding
    assert message.get_content_charset() == named


def test_what_no_text_can_have() -> None:
    with pytest.raises(ForbiddenCharacter, match="NUL at character 2"):
        mime.text_entity("a\0", "plain", "")
    with pytest.raises(ForbiddenCharacter, match="surrogate"):
        mime.text_entity("a\ud800", "plain", "")


names = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60),
    st.sampled_from(
        ["a.txt", "résumé.pdf", "a b;c=d.txt", 'q"uote.txt', "back\\slash", "漢字.png", "x" * 300 + ".pdf"]
    ),
)


@exploring
@given(st.binary(max_size=300), names)
def test_attachments_come_back_with_their_names(data: bytes, name: str) -> None:
    message = compose("t", "", Attachment(data, name))
    (found,) = message.iter_attachments()
    assert found.get_payload(decode=True) == data
    assert found.get_filename() == name.strip()  # get_filename() strips
    assert found.get_content_disposition() == "attachment"
    assert found["Content-Transfer-Encoding"] == "base64"


def test_readers_that_know_no_rfc_2231_get_a_name_in_ascii() -> None:
    message = compose("", "", Attachment(b"x", "Résumé – 漢.pdf"))
    (found,) = message.iter_attachments()
    assert found.get_param("name") == "Resume _ _.pdf"
    assert b"=?" not in bytes(found)


def test_attachments_from_paths_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "dir" / "pic.png"
    path.parent.mkdir()
    data = os.urandom(400_000)
    path.write_bytes(data)
    nameless = io.BytesIO(data)
    with path.open("rb") as stream:
        message = compose(
            "", "", Attachment(path), Attachment(str(path), "other.bin"), Attachment(stream), Attachment(nameless)
        )
    found = list(message.iter_attachments())
    assert [part.get_payload(decode=True) == data for part in found] == [True] * 4
    assert [part.get_filename() for part in found] == ["pic.png", "other.bin", "pic.png", None]
    assert [part.get_content_type() for part in found][:1] == ["image/png"]
    assert found[3].get_content_type() == "application/octet-stream"
    assert not nameless.closed


def test_large_octets_are_not_encoded_before_they_are_sent() -> None:
    entity = mime.attachment_entity(Attachment(bytes(10_000_000)))
    assert sum(len(piece) for piece in entity.pieces if isinstance(piece, bytes)) == 0


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("a.txt", "text/plain"),
        ("a.csv.gz", "application/octet-stream"),
        ("a.unknown-kind", "application/octet-stream"),
        ("noext", "application/octet-stream"),
        ("a.eml", "application/octet-stream"),
    ],
)
def test_types_are_guessed_from_names(name: str, media: str) -> None:
    (found,) = compose("", "", Attachment(b"x", name)).iter_attachments()
    assert found.get_content_type() == media


def test_given_types_are_kept_with_their_parameters() -> None:
    (found,) = compose("", "", Attachment(b"x", "ü.csv", 'text/csv; charset=utf-8; header="a \\"b"')).iter_attachments()
    assert found.get_content_type() == "text/csv"
    assert found.get_param("charset") == "utf-8"
    assert found.get_param("name") == "u.csv"


@pytest.mark.parametrize(
    "media",
    [
        "",
        "text",
        "text/",
        "/plain",
        "a/b c",
        "a/b; c",
        "a/b; c=d\r\nX: y",
        "a/b\r\nX: y",
        "ü/b",
        "multipart/mixed",
        'a/b; c="d',
    ],
)
def test_types_that_are_none_are_refused(media: str) -> None:
    with pytest.raises(InvalidValue):
        mime.attachment_entity(Attachment(b"x", "a", media))


@pytest.mark.parametrize("bad", ["a b", "a>b", "<a", "a\r\nX: y", "", "ü", "a\0"])
def test_content_identifiers_that_are_none_are_refused(bad: str) -> None:
    if bad == "<a":
        assert b"Content-ID: <a>" in mime.attachment_entity(Attachment(b"x", content_id=bad)).headers
        return
    with pytest.raises(InvalidValue, match="content identifier"):
        mime.attachment_entity(Attachment(b"x", content_id=bad))


@pytest.mark.parametrize("bad", ["a\r\nContent-Type: text/html", "a\nb", "a\0b", "a\x1bb", "a\u2028b"])
def test_names_can_not_start_headers(bad: str) -> None:
    with pytest.raises((ForbiddenCharacter, InvalidHeader)):
        mime.attachment_entity(Attachment(b"x", bad, "a/b"))


def test_messages_as_attachments_are_never_encoded(tmp_path: Path) -> None:
    inner = b"From: a@b\nSubject: x\n\nhello\n"
    entity = mime.compose("t", "", (Attachment(inner, "x.eml", "message/rfc822"),), "", os.urandom)
    assert not entity.eight_bit
    (found,) = parse(entity).iter_attachments()
    assert found["Content-Transfer-Encoding"] == "7bit"
    assert found.get_content()["Subject"] == "x"
    eight = mime.compose("t", "", (Attachment(inner + b"\xe9", None, "message/rfc822"),), "", os.urandom)
    assert eight.eight_bit
    message = parse(eight)
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert b"hello\r\n\xe9" in whole(eight)
    path = tmp_path / "x.eml"
    path.write_bytes(inner)
    streamed = mime.compose("t", "", (Attachment(path, None, "message/rfc822"),), "", os.urandom)
    assert streamed.eight_bit  # for all that is known before it is read
    assert b"Content-Transfer-Encoding: 8bit\r\n" in streamed.headers
    assert inner.replace(b"\n", b"\r\n") in whole(streamed)
    assert any(isinstance(source, FileSource) for source in streamed.sources())


@pytest.mark.parametrize("inner", [b"a\0", b"x" * 999])
def test_messages_that_no_mail_can_carry_are_refused(inner: bytes) -> None:
    with pytest.raises(InvalidValue):
        mime.attachment_entity(Attachment(inner, None, "message/rfc822"))


def test_boundaries_occur_in_no_part() -> None:
    """Randomness that repeats itself, and a text that knows what comes: the boundary is another one all the same."""

    def constant(count: int) -> bytes:
        return b"\xaa" * count

    text = "--=_" + "aa" * 16 + "\n--=_" + "aa" * 16 + "3535353535353535"
    entity = mime.compose(text, "", (PDF,), "", constant)
    message = parse(entity)
    first, attached = message.iter_parts()
    raw = first.get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert raw.decode() == text.replace("\n", "\r\n")
    assert attached.get_payload(decode=True) == b"%PDF"


def test_pieces_in_memory_become_one_source() -> None:
    assert len(mime.compose("t", "h", (PDF, PNG), "", os.urandom).sources()) == 1
    mixed = mime.compose("t", "", (PDF, Attachment(io.BytesIO(b"x")), PNG), "", os.urandom)
    assert [type(source).__name__ for source in mixed.sources()] == ["Memory", "FileSource", "Memory"]
    streams: list[Any] = [FileSource(io.BytesIO()), FileSource(io.BytesIO())]
    assert Entity(b"", streams).sources() == tuple(streams)
