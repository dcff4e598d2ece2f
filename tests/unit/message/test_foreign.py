"""Messages of others: octets stay, Bcc goes, and the envelope is what the header fields say."""

from __future__ import annotations

import email
import email.policy
import os
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.enums import RecipientType
from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidHeader, InvalidValue
from postwright.message.body import Body, Memory
from postwright.message.draft import Draft
from postwright.message.finished import from_bytes
from postwright.message.foreign import NOBODY, from_email, recipients_told, sender_told
from postwright.words import Address, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

exploring = settings(derandomize=True, max_examples=200, deadline=None)


def whole(draft: Draft) -> bytes:
    draft.body.open()
    found = [draft.headers]
    while chunk := draft.body.read():
        assert isinstance(chunk, bytes)
        found.append(chunk)
    return b"".join(found)


def adopt(message: Any) -> Draft:
    return from_email(message, now=1700000000.0, utc_offset=0, randomness=os.urandom, host_name="host.example")


def envelope_from(fields: Iterable[tuple[str, str]]) -> Envelope:
    header = "".join(f"{name}: {value}\r\n" for name, value in fields)
    told = Draft(f"{header}\r\n".encode(), Body(()), "").told
    return Envelope(sender_told(told), recipients_told(told))


RAW = (
    b"DKIM-Signature: v=1; a=rsa-sha256;\r\n\tbh=abc=;  b=x\r\n y\r\nFrom:  Al   Ice <a@x.y>\r\nto:b@x.y\r\n"
    b"Subject:   odd    spacing \r\n\tand folds\r\nMessage-ID: <1@x.y>\r\n\r\nBody  \r\n.\r\n\r\nBcc: not a header\r\n"
)


def test_complete_bytes_stay_as_they_are() -> None:
    draft = from_bytes(RAW)
    assert whole(draft) == RAW
    assert draft.message_id == "<1@x.y>"
    assert draft.hidden_fields == ()
    assert draft.size == len(RAW)
    assert draft.eight_bit is False
    assert whole(from_bytes(RAW.replace(b"\r\n", b"\n"))) == RAW
    assert dict(draft.fields)["Subject"] == "odd    spacing \tand folds"


@pytest.mark.parametrize(
    "spelling",
    [b"Bcc: s@x.y\r\n", b"BCC:s@x.y\r\n", b"bcc : s@x.y\r\n", b"bCc\t:\r\n s@x.y,\r\n\tt@x.y\r\n", b"Resent-Bcc: s@x.y\r\n",
     b"Bcc:\r\n\r\n", b"Bcc: s@x.y\r\nBcc: t@x.y\r\n", b"Bcc: a@x.y,\r\n   \r\n s@x.y\r\n"],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_bcc_goes_from_bytes_in_every_spelling(spelling: bytes, place: int) -> None:
    ended = spelling.endswith(b"\r\n\r\n")
    fields = [b"From: a@x.y\r\n", b"To: b@x.y\r\n"]
    fields.insert(place, spelling.removesuffix(b"\r\n") if ended else spelling)
    data = b"".join(fields) + b"\r\nBcc: in the body\r\n"
    draft = from_bytes(data)
    assert whole(draft) == b"From: a@x.y\r\nTo: b@x.y\r\n\r\nBcc: in the body\r\n"
    assert draft.hidden_fields
    hidden = [address.local_part for address in draft.hidden]
    assert hidden == [] if ended else "s" in hidden


def test_bcc_behind_a_lone_cr_or_lf_is_found_too() -> None:
    """Lines are made canonical first, so that what a server will see as a field is seen as one here."""
    for end in (b"\r", b"\n", b"\r\n"):
        draft = from_bytes(b"From: a@x.y" + end + b"Bcc: s@x.y" + end + b"To: b@x.y" + end + end + b"body")
        assert whole(draft) == b"From: a@x.y\r\nTo: b@x.y\r\n\r\nbody"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no header"),
        (b"\r\nFrom: a@x.y\r\n\r\nbody", "empty line"),
        (b"\nBcc: s@x.y\n", "empty line"),
        (b"From a@x.y Mon Jan 1\r\nFrom: a@x.y\r\n\r\nbody", "not"),
        (b"From: a@x.y\r\nthis is no field\r\nBcc: s@x.y\r\n\r\nbody", "no field"),
        (b" folded: first\r\n\r\n", "not"),
        (b"\xc3\xbc: x\r\n\r\n", "not"),
    ],
)
def test_bytes_without_a_proper_header_are_refused(data: bytes, what: str) -> None:
    with pytest.raises(InvalidHeader, match=what) as caught:
        from_bytes(data)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("bad", [b"\0", b"x" * 999])
def test_what_no_mail_can_carry_is_refused(bad: bytes) -> None:
    with pytest.raises(InvalidValue):
        from_bytes(b"From: a@x.y\r\n\r\n" + bad)
    with pytest.raises(InvalidValue):
        from_bytes(b"From: a@x.y\r\nX: " + bad + b"\r\n\r\n")


def test_header_only_messages() -> None:
    for data in (b"From: a@x.y", b"From: a@x.y\r\n", b"From: a@x.y\r\n\r\n"):
        assert whole(from_bytes(data)) == b"From: a@x.y\r\n\r\n"


def test_raw_utf8_headers_need_smtputf8_and_8bit_bodies_do_not() -> None:
    draft = from_bytes("From: ü@x.y\r\n\r\nplain".encode())
    assert (draft.needs_utf8, draft.eight_bit, draft.body.eight_bit) == (True, True, False)
    draft = from_bytes(b"From: a@x.y\r\n\r\n\xfc")
    assert (draft.needs_utf8, draft.eight_bit, draft.body.eight_bit) == (False, True, True)
    assert sender_told(from_bytes(b"From: \xfc <a@x.y>\r\n\r\n").told) == Address("a", "x.y", "ü")


lines = st.sampled_from(
    [b"Bcc: s@x.y", b" folded", b"X: y", b"BCC:", b"Bccx: kept", b"X-Bcc: kept", b"To: b@x.y", b"\tbcc: folded"]
)


@exploring
@given(st.lists(lines, max_size=8), st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_no_bcc_is_left_that_the_standard_library_could_find(header: list[bytes], end: bytes) -> None:
    draft = from_bytes(end.join([b"From: a@x.y", *header, b"", b"body"]))
    parsed = email.message_from_bytes(whole(draft), policy=email.policy.default)
    assert {name.lower() for name in parsed} <= {"from", "x", "bccx", "x-bcc", "to"}
    assert parsed.get_payload() == "body"


def test_an_object_is_written_by_our_rules_with_what_is_missing() -> None:
    message = EmailMessage()
    message["From"] = "Jürgen <j@bücher.example>"
    message["To"] = '"Smith, J" <s@x.y>, b@x.y'
    message["Bcc"] = "Secret <secret@x.y>"
    message["Subject"] = "Grüße  an =?utf-8?q?alle?= " + "word " * 30
    message.set_content("Hello\n")
    draft = adopt(message)
    data = whole(draft)
    assert b"ecret" not in data
    assert [address.local_part for address in draft.hidden] == ["secret"]
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert str(parsed["Subject"]) == str(message["Subject"])
    assert [a.addr_spec for a in parsed["To"].addresses] == ["s@x.y", "b@x.y"]
    assert [a.display_name for a in parsed["To"].addresses] == ["Smith, J", ""]
    assert parsed["From"].addresses[0].addr_spec == "j@xn--bcher-kva.example"
    assert parsed["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert draft.message_id.endswith("@xn--bcher-kva.example>")
    assert parsed["Message-ID"] == draft.message_id
    assert "Bcc" in message  # the caller's object is not changed
    assert "Date" not in message
    with_own = EmailMessage()
    with_own["Date"] = "Fri, 01 Mar 1996 21:24:52 -0500"
    with_own["Message-ID"] = "<own@x.y>"
    with_own["From"] = "a@x.y"
    assert whole(adopt(with_own)) == (
        b"Date: Fri, 01 Mar 1996 21:24:52 -0500\r\nMessage-ID: <own@x.y>\r\nFrom: a@x.y\r\n\r\n"
    )
    nameless = EmailMessage()
    assert adopt(nameless).message_id.endswith("@host.example>")


def test_an_object_of_the_old_api() -> None:
    message = MIMEText("grüße\n", "plain", "utf-8")
    message["From"] = "Jürgen <j@x.y>"
    message["Subject"] = "Grüße"
    message["Bcc"] = "secret@x.y"
    draft = adopt(message)
    parsed = email.message_from_bytes(whole(draft), policy=email.policy.default)
    assert parsed["From"].addresses[0].display_name == "Jürgen"
    assert parsed["Subject"] == "Grüße"
    assert parsed.get_content() == "grüße\n"
    assert "Bcc" not in parsed


def test_an_object_without_a_boundary_gets_one_and_one_content_type() -> None:
    message = MIMEMultipart()
    message["From"] = "a@x.y"
    message.attach(MIMEText("one"))
    message.attach(MIMEText("two"))
    parsed = email.message_from_bytes(whole(adopt(message)), policy=email.policy.default)
    assert [part.get_content() for part in parsed.iter_parts()] == ["one", "two"]
    assert len(parsed.get_all("Content-Type", [])) == 1


def test_injection_through_the_old_api_is_refused() -> None:
    for name, value in (
        ("Subject", "x\nBcc: evil@x.y"),
        ("Subject", "x\r\n\r\nbody"),
        ("X\nBcc", "evil@x.y"),
        ("X", "a\0"),
    ):
        message = MIMEText("x")
        message[name] = value
        with pytest.raises((ForbiddenCharacter, InvalidHeader)):
            adopt(message)


def test_what_is_no_message_is_refused() -> None:
    for wrong in ("text", None, 7, {"From": "a@x.y"}):
        with pytest.raises(InvalidValue, match="neither bytes nor"):
            adopt(wrong)


FIELDS = (
    ("From", "A <a@x.y>, z@x.y"),
    ("To", "b@x.y, B <B@x.y>"),
    ("Cc", "Group: c@x.y, b@X.Y;"),
    ("Bcc", "d@x.y, c@x.y"),
)


def test_the_envelope_is_what_the_fields_say() -> None:
    envelope = envelope_from(FIELDS)
    assert envelope.reverse_path == Address("a", "x.y", "A")
    assert [(r.address.local_part, r.type) for r in envelope.recipients] == [
        ("b", RecipientType.TO),
        ("B", RecipientType.TO),  # RFC 5321 section 2.4: only the domain's case does not matter
        ("c", RecipientType.CC),
        ("d", RecipientType.BCC),
    ]
    assert envelope_from((*FIELDS, ("Sender", "s@x.y"))).reverse_path.local_part == "s"
    assert envelope_from(()).reverse_path == Address("", "")
    assert envelope_from((("To", "=?utf-8?q?J=C3=BC?= <j@x.y>"),)).recipients[0].address.name == "Jü"


def test_resent_fields_win() -> None:
    resent = (
        *FIELDS,
        ("Resent-From", "r@x.y"),
        ("Resent-To", "t@x.y"),
        ("Resent-Bcc", "u@x.y"),
        ("Resent-Date", "now"),
    )
    envelope = envelope_from(resent)
    assert envelope.reverse_path.local_part == "r"
    assert [r.address.local_part for r in envelope.recipients] == ["t", "u"]
    assert envelope_from((*resent, ("Resent-Sender", "q@x.y"))).reverse_path.local_part == "q"
    with pytest.raises(InvalidHeader, match="more than once"):
        envelope_from((*resent, ("Resent-Date", "then")))


def test_a_field_that_is_not_asked_for_may_be_anything() -> None:
    told = from_bytes(b"From: nobody in particular\r\nTo: b@x.y\r\n\r\n").told
    assert [r.address.local_part for r in recipients_told(told)] == ["b"]
    with pytest.raises(InvalidAddress):
        sender_told(told)
    assert sender_told({}) is NOBODY
    assert recipients_told({}) == ()


def test_both_kinds_tell_who_sends_and_receives() -> None:
    message = EmailMessage()
    message["From"] = "a@x.y"
    message["To"] = "b@x.y"
    message["Bcc"] = "hidden@x.y"
    for draft in (adopt(message), from_bytes(bytes(message))):
        assert b"hidden@x.y" not in whole(draft)
        assert sender_told(draft.told) == Address("a", "x.y")
        assert [r.address.local_part for r in recipients_told(draft.told)] == ["b", "hidden"]


TELLING = ("from", "sender", "to", "cc", "bcc", "message-id")
field = st.builds(
    lambda name, gap, value: f"{name}{gap}:{value}".encode(),
    st.sampled_from([*TELLING, "From", "BCC", "Resent-To", "resent-bcc", "X-To", "Subject", "Tos", "To-"]),
    st.sampled_from(["", " ", "\t"]),
    st.lists(st.sampled_from([" a@x.y", "ü", "\r\n ", "\r\n\t", ",", " ", ":", "x", "\r\n From: b"]), max_size=6).map(
        "".join
    ),
)


@exploring
@given(st.lists(field, min_size=1, max_size=6), st.sampled_from([b"\r\n\r\n", b"\r\n\r\nTo: c@x.y\r\n", b"\r\n", b""]))
def test_the_quick_look_for_fields_tells_what_reading_all_of_them_tells(header: list[bytes], rest: bytes) -> None:
    draft = from_bytes(b"\r\n".join(header) + rest)
    plain = Draft(draft.headers, Body((("text", (Memory(b""),)),)), "", draft.hidden_fields)
    read = {name: values for name, values in plain.told.items() if name in TELLING or name.startswith("resent-")}
    assert draft.told == read
    assert draft.message_id == (read.get("message-id") or [""])[0]
    assert whole(draft) == draft.whole == draft.data
    assert draft.size == len(draft.data)
    assert draft.eight_bit == (not draft.data.isascii())


@pytest.mark.parametrize("before", [b"", b"To: b@x.y\r\n"])
@pytest.mark.parametrize(
    "field",
    [
        b"Message-ID: <a@b>\r\n",
        b"Message-ID: <a@b>\r\n and more\r\n",
        b"message-id: <a@b>\r\n",
        b"Message-ID:<a@b>\r\n",
        b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n",
        b"Message-ID : <a@b>\r\nMessage-ID: <c@d>\r\n",
        b"message-id: <a@b>\r\nMessage-ID: <c@d>\r\n",
        b"Message-ID: <a b@c>\r\n",
        b"Message-ID: a@b\r\n",
        b"Message-ID:\r\n <a@b>\r\n",
        b"Subject: Message-ID: <a@b>\r\n",
    ],
)
def test_the_message_id_is_what_a_closer_look_would_find(before: bytes, field: bytes) -> None:
    draft = from_bytes(before + field + b"\r\nMessage-ID: <in@body>\r\n")
    assert draft.message_id == draft.told.get("message-id", [""])[0]
