"""Drafts: properties become the header block and the body, in the reference's order, and Bcc never shows."""

from __future__ import annotations

import email
import email.policy
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.enums import Importance, Priority, Sensitivity
from postwright.errors import (
    AttachedFileUnreadable,
    ForbiddenCharacter,
    InvalidAddress,
    InvalidHeader,
    InvalidValue,
    SMTPError,
)
from postwright.message import headers
from postwright.message.body import Body, Memory
from postwright.message.composing import compose
from postwright.message.content import Content, Extras
from postwright.message.draft import Draft, Whole
from postwright.message.mime import Attachment
from postwright.wire.lines import CHUNK
from postwright.words import Address

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

exploring = settings(derandomize=True, max_examples=200, deadline=None)

ALICE = Address("alice", "example.com", "Alice")
BOB = Address("bob", "x.y")


def draft(**values: Any) -> Draft:
    extras = Extras(**{name: values.pop(name) for name in Extras.__match_args__ if name in values})
    content = Content(**{"from_": (ALICE,), "to": (BOB,), **values}, extras=extras)
    return compose(content, now=1700000000.0, utc_offset=3600, randomness=os.urandom)


def whole(made: Draft) -> bytes:
    made.body.open()
    found = [made.headers]
    while chunk := made.body.read():
        assert isinstance(chunk, bytes)
        found.append(chunk)
    made.body.close()
    return b"".join(found)


def parse(made: Draft) -> EmailMessage:
    return email.message_from_bytes(whole(made), policy=email.policy.default)


def names(made: Draft) -> list[str]:
    return [name for name, _ in made.fields]


def test_a_plain_message_looks_like_the_reference_has_it() -> None:
    made = draft(subject="Hello", text="Hi Bob\n", message_id="<1@x.y>")
    assert whole(made) == (
        b"From: Alice <alice@example.com>\r\nTo: bob@x.y\r\nSubject: Hello\r\n"
        b"Date: Tue, 14 Nov 2023 23:13:20 +0100\r\nMessage-ID: <1@x.y>\r\n\r\nHi Bob\r\n"
    )
    assert made.message_id == "<1@x.y>"
    assert made.size == len(whole(made))
    assert made.eight_bit is False
    assert made.needs_utf8 is False
    assert made.fields[0] == ("From", "Alice <alice@example.com>")


def test_all_fields_in_their_order() -> None:
    made = draft(
        cc=(BOB,),
        reply_to=(ALICE,),
        subject="Grüße",
        importance=Importance.HIGH,
        priority=Priority.NON_URGENT,
        sensitivity=Sensitivity.COMPANY_CONFIDENTIAL,
        delivery_notification_to=(ALICE,),
        read_receipt_to=(ALICE,),
        other_headers="X-One: 1\r\nX-Two: 2\r\n",
        text="ü",
    )
    assert names(made) == [
        "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "Importance", "Priority", "Sensitivity",
        "Return-Receipt-To", "Disposition-Notification-To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        "X-One", "X-Two",
    ]  # fmt: skip
    values = dict(made.fields)
    assert [values[name] for name in ("Importance", "Priority", "Sensitivity")] == [
        "high",
        "non-urgent",
        "Company-Confidential",
    ]


@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ("importance", ["", "high", "normal", "low"]),
        ("priority", ["", "normal", "urgent", "non-urgent"]),
        ("sensitivity", ["", "Personal", "Private", "Company-Confidential"]),
    ],
)
def test_enumerations_are_plain_numbers_too(field: str, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        assert dict(draft(**{field: number}).fields).get(field.capitalize(), "") == text
    with pytest.raises(InvalidValue, match=field.capitalize()):
        draft(**{field: 4})


def test_dates_and_identifiers_can_be_given_or_left_out() -> None:
    assert "Date" not in names(draft(date=""))
    assert dict(draft(date="Fri, 1 Mar 96 21:24:52 EST").fields)["Date"] == "Fri, 1 Mar 96 21:24:52 EST"
    bare = draft(message_id="")
    assert "Message-ID" not in names(bare)
    assert bare.message_id == ""
    assert draft(message_id="12@x.y").message_id == "<12@x.y>"
    made = draft()
    assert made.message_id.endswith("@example.com>")
    assert dict(made.fields)["Message-ID"] == made.message_id
    assert draft(domain="host.example").message_id.endswith("@host.example>")
    assert len(draft(message_id_algorithm="MD5").message_id) == len("<@example.com>") + 32
    for bad in ("<a b>", "<ü@x>", "<unclosed"):
        with pytest.raises(InvalidHeader, match="message identifier"):
            draft(message_id=bad)


def test_several_authors_get_a_sender() -> None:
    """RFC 5322 section 3.6.2."""
    assert names(draft(from_=(ALICE, BOB)))[:2] == ["From", "Sender"]
    given_ = draft(from_=(ALICE, BOB), other_headers="Sender: bob@x.y")
    assert names(given_).count("Sender") == 1
    assert dict(given_.fields)["Sender"] == "bob@x.y"


def test_other_headers_stand_in_place_of_computed_ones() -> None:
    made = draft(
        subject="computed",
        importance=1,
        other_headers="subject: by hand\r\nDate: Fri, 1 Mar 1996 21:24:52 -0500\r\nmessage-id: <own@x.y>\r\nImportance: low",
    )
    values = [(name.lower(), value) for name, value in made.fields]
    assert [value for name, value in values if name == "subject"] == ["by hand"]
    assert [value for name, value in values if name == "importance"] == ["low"]
    assert made.message_id == "<own@x.y>"
    assert len({name for name, _ in values}) == len(values)


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(InvalidHeader, match="twice"):
        draft(other_headers="From: a@x.y\r\nFrom: b@x.y")


def test_an_empty_line_first_replaces_all_headers() -> None:
    for start in ("\r\n", "\n"):
        made = draft(
            subject="gone",
            text="grüße\n",
            importance=1,
            other_headers=f"{start}From: me@x.y\r\nX-Only: this\r\n folded\r\n",
        )
        assert whole(made) == b"From: me@x.y\r\nX-Only: this\r\n folded\r\n\r\n" + "grüße\r\n".encode()
        assert made.message_id == ""
        assert made.eight_bit is True
    assert draft(other_headers="\r\nMessage-ID: <own@x.y>").message_id == "<own@x.y>"
    with pytest.raises(InvalidValue, match="attachments"):
        draft(html="<p>", other_headers="\r\nFrom: me@x.y")


@pytest.mark.parametrize("start", ["", "\r\n"])
def test_bcc_is_never_written_whoever_gives_it(start: str) -> None:
    made = draft(
        other_headers=start + 'X: 1\r\nBCC: Secret <one@x.y>,\r\n two@x.y\r\nresent-bcc: "Th, ree" <three@x.y>\r\nY: 2',
    )
    data = whole(made).lower()
    for hidden in (b"secret", b"bcc:", b"one@", b"two@", b"three@"):
        assert hidden not in data
    assert [address.local_part for address in made.hidden] == ["one", "two", "three"]
    assert made.hidden_fields[0] == ("BCC", "Secret <one@x.y>, two@x.y")


@pytest.mark.parametrize("attack", ["x\r\nBcc: evil@x.y", "x\nBcc: evil@x.y", "x\r\n\r\n<script>", "x\0", "x\r"])
@pytest.mark.parametrize(
    "place", ["subject", "name", "local", "domain", "date", "message_id", "reply_to", "other", "attachment", "charset"]
)
def test_nothing_can_be_injected(attack: str, place: str) -> None:
    places: dict[str, dict[str, Any]] = {
        "subject": {"subject": attack},
        "name": {"from_": (Address("a", "x.y", attack),)},
        "local": {"to": (Address(attack, "x.y"),)},
        "domain": {"cc": (Address("a", attack),)},
        "date": {"date": attack},
        "message_id": {"message_id": f"<{attack}>"},
        "reply_to": {"reply_to": (Address("a", "x.y", attack),)},
        "other": {"other_headers": f"X: a\r\nY{attack}: b"},
        "attachment": {"attachments": (Attachment(b"x", attack, "a/b"),)},
        "charset": {"charset": attack, "subject": "ü"},
    }
    with pytest.raises(InvalidValue if place != "charset" else SMTPError):
        draft(**places[place])


def test_mime_headers_by_hand_are_believed_for_plain_text_only() -> None:
    by_hand = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
    made = draft(text="--b\n\nhello\n--b--\n", other_headers=by_hand)
    assert whole(made).endswith(b'boundary="b"\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n')
    assert [name for name in names(made) if name.startswith(("MIME", "Content"))] == ["MIME-Version", "Content-Type"]
    composed = draft(text="a", attachments=(Attachment(b"x", "a.txt"),), other_headers=by_hand + "X: y")
    assert dict(composed.fields)["Content-Type"].startswith('multipart/mixed; boundary="=_')
    assert [name for name in names(composed) if name.startswith(("MIME", "Content", "X"))] == [
        "MIME-Version",
        "Content-Type",
        "X",
    ]
    html = draft(text="<p>grüße</p>", other_headers="Content-Type: text/html; charset=iso-8859-1")
    assert parse(html).get_content_type() == "text/html"
    assert parse(html).get_content().strip() == "<p>grüße</p>"


def test_headers_that_are_not_ascii_are_encoded_in_the_charset() -> None:
    made = draft(subject="Grüße an alle", charset="iso-8859-1", text="grüße an alle", other_headers="X: übrigens")
    assert made.headers.count(b"=?iso-8859-1?") == 2
    assert made.headers.isascii()
    assert b'charset="iso-8859-1"' in made.headers
    assert parse(made)["Subject"] == "Grüße an alle"
    assert parse(made).get_content() == "grüße an alle\n" or parse(made).get_content() == "grüße an alle"


def test_folding_keeps_to_the_width() -> None:
    made = draft(
        subject="word " * 40 + "end", to=tuple(Address(f"u{n}", "x.y") for n in range(50)), width=60, message_id="<1@x>"
    )
    assert max(map(len, made.headers.split(b"\r\n"))) <= 60


def test_local_parts_in_utf8() -> None:
    made = draft(to=(Address("jürgen", "bücher.example"),))
    assert made.needs_utf8
    assert made.eight_bit
    assert "To: jürgen@bücher.example\r\n".encode() in made.headers
    with pytest.raises(InvalidAddress, match="SMTPUTF8"):
        draft(to=(Address("jürgen", "x.y"),), utf8=False)


def test_a_raw_body_goes_as_it_is_with_canonical_line_ends() -> None:
    made = draft(text="not this", raw_body=b"a\nb\r\n.\rc\xe9")
    assert whole(made).endswith(b"\r\n\r\na\r\nb\r\n.\r\nc\xe9")
    assert made.eight_bit is True
    assert "MIME-Version" not in names(made)
    for bad in (b"a\0b", b"x" * 999):
        with pytest.raises(InvalidValue):
            draft(raw_body=bad)
        assert draft(raw_body=bad, binary=True).body.whole == bad
    assert draft(raw_body=b"", text="this").body.whole == b"this"


def test_a_stream_is_the_body() -> None:
    made = draft(text="not this", raw_body=b"nor this", stream=io.BytesIO(b"a\nb\xe9\n"))
    assert [made.size, made.eight_bit] == [None, None]
    assert whole(made).endswith(b"\r\n\r\na\r\nb\xe9\r\n")
    assert made.eight_bit is True
    kept = io.BytesIO(b"x")
    whole(draft(stream=kept, close_stream=False))
    assert not kept.closed
    assert whole(draft(stream=io.BytesIO(b"\0\n"), binary=True)).endswith(b"\r\n\r\n\0\n")
    with pytest.raises(InvalidValue, match="binary mode"):
        whole(draft(stream=io.StringIO("text")))


def test_an_attached_file_follows_the_text_and_is_never_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"from the file\n" * 100_000)
    made = draft(text="text without an end", attached_file=str(path))
    assert [label for label, _ in made.body.sections] == ["text", "file"]
    made.body.open()
    sizes = []
    while chunk := made.body.read():
        assert isinstance(chunk, bytes)
        sizes.append(len(chunk))
    made.body.close()
    assert max(sizes) < path.stat().st_size
    assert whole(made).partition(b"\r\n\r\n")[2].startswith(b"text without an end\r\nfrom the file\r\nfrom")
    assert whole(draft(attached_file=path)).partition(b"\r\n\r\n")[2].startswith(b"from the file\r\n")
    eight = draft(text="grüße", attached_file=path)
    assert dict(eight.fields)["Content-Transfer-Encoding"] == "8bit"


def test_an_attached_file_that_can_not_be_opened_is_302_before_anything_is_sent(tmp_path: Path) -> None:
    made = draft(text="x", attached_file=str(tmp_path / "missing"))
    with pytest.raises(AttachedFileUnreadable) as caught:
        made.body.open()
    assert caught.value.code == 302


@pytest.mark.parametrize(
    "values",
    [
        {"html": "<p>", "raw_body": b"x"},
        {"attachments": (Attachment(b"x"),), "stream": io.BytesIO()},
        {"html": "<p>", "attached_file": "/etc/hostname"},
        {"stream": io.BytesIO(), "attached_file": "/etc/hostname"},
    ],
)
def test_what_does_not_go_together_is_refused_not_ignored(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        draft(**values)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
subjects = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)


@exploring
@given(texts, subjects, subjects, st.booleans())
def test_messages_parse_back(text: str, subject: str, name: str, html: bool) -> None:
    made = draft(text=text, subject=subject, html="<p>ü" if html else "", to=(Address("bob", "x.y", name),))
    message = parse(made)
    assert str(message["Subject"] or "") == subject
    assert message["To"].addresses[0].addr_spec == "bob@x.y"
    assert "".join(message["To"].addresses[0].display_name.split()) == "".join(name.split())
    data = whole(made)
    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    body = message.get_body(("plain",)) if text or not html else None
    if body is not None:
        raw = body.get_payload(decode=True)
        assert isinstance(raw, bytes)
        found = raw.decode(body.get_content_charset() or "ascii")
        assert found.replace("\r\n", "\n") == text.replace("\r\n", "\n").replace("\r", "\n")


@exploring
@given(
    st.text(st.sampled_from("a \n\ré"), max_size=12),
    st.text(st.sampled_from("a =?é"), max_size=8),
    st.sampled_from(["*", "", "<1@x.y>", "1@" + "x" * 80]),
    st.sampled_from([20, 60, 80, 998]),
    st.sampled_from(["x.y", "y" * 60 + ".example"]),
)
def test_a_small_message_in_one_piece_is_like_one_in_two(
    text: str, subject: str, message_id: str, width: int, domain: str
) -> None:
    made = draft(text=text, subject=subject, message_id=message_id, width=width, domain=domain)
    assert isinstance(made, Whole)
    body = Memory(whole(made)[len(made.headers) :])
    two = Draft(made.headers, Body((("text", (body,)),)), made.message_id)
    for name in ("whole", "headers", "message_id", "fields", "told", "hidden", "needs_utf8", "eight_bit", "size"):
        assert getattr(made, name) == getattr(two, name), name
    assert (made.body.whole, made.body.size, made.body.eight_bit) == (body.data, body.size, body.eight_bit)
    if message_id:
        assert headers.structured("Message-ID", made.message_id, width) in made.headers


def test_a_large_text_is_not_put_together_with_its_headers() -> None:
    made = draft(text="a line\n" * CHUNK)
    assert not isinstance(made, Whole)
    assert made.whole is None
    assert made.size == len(whole(made))


def test_nothing_of_the_email_package_is_loaded_to_compose() -> None:
    code = (
        "import os, sys; from postwright.message.content import Content; from postwright.message.composing import compose;"
        "from postwright.words import Address;"
        "c = Content(from_=(Address('a', 'x.y', 'Jürgen'),), to=(Address('b', 'x.y'),), subject='ü', text='ü', html='<p>');"
        "compose(c, now=1.0, utc_offset=0, randomness=os.urandom);"
        "bad = {'email', 'socket', 'ssl', 'asyncio', 'threading', 'idna', 'mimetypes'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})


def test_half_a_character_is_refused_wherever_it_stands() -> None:
    for values in ({"subject": "a\ud800"}, {"text": "a\udcff"}, {"to": (Address("a", "x.y", "\ud800"),)}):
        with pytest.raises(ForbiddenCharacter):
            draft(**values)
