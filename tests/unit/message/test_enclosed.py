"""Parts of an email package object: encoded ones as they are, signed ones octet by octet, structure kept."""

from __future__ import annotations

import email
import email.policy
import io
import os
from email.generator import BytesGenerator
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from postwright.errors import InvalidAddress, InvalidHeader, InvalidValue
from postwright.message.enclosed import content_of, write_field


def by_stdlib(message: Any) -> bytes:
    """What the package's own generator makes of it, without its wish to change lines."""
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=message.policy.clone(linesep="\r\n")).flatten(message)
    return out.getvalue().partition(b"\r\n\r\n")[2]


def content(message: Any) -> bytes:
    head, data = content_of(message, os.urandom)
    assert head == b""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def rich() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("From here\n.\ngrüße\n", cte="quoted-printable")
    message.add_alternative("<p>漢</p>", subtype="html", cte="base64")
    message.get_payload()[1].add_related(b"PNG", "image", "png", cid="<pic>")  # type: ignore[index, union-attr]
    message.add_attachment(b"\0\1\2" * 100, "application", "octet-stream", filename="a.bin")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inside\n")
    message.add_attachment(inner)
    message.preamble = "before\n"
    message.epilogue = "after\n"
    return message


def test_structure_and_encoded_parts_are_those_of_the_package() -> None:
    message = rich()
    by_stdlib(message)  # this makes the boundaries
    # The parts' own header fields are folded by us, so folds are not compared.
    assert content(message).replace(b"\r\n ", b" ") == by_stdlib(message).replace(b"\r\n ", b" ")


def test_a_parsed_message_comes_out_as_it_went_in() -> None:
    source = by_stdlib(rich())
    outer = (
        b"Content-Type: multipart/mixed; boundary="
        + source.partition(b"--")[2].partition(b"\r\n")[0]
        + b"\r\n\r\n"
        + source
    )
    for policy in (email.policy.default, email.policy.compat32, email.policy.SMTP):
        assert content(email.message_from_bytes(outer, policy=policy)) == source


EIGHT = (
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xfc\xdfe\r\nFrom me\r\n"
)


def test_8bit_octets_are_kept() -> None:
    for policy in (email.policy.default, email.policy.compat32):
        assert content(email.message_from_bytes(EIGHT, policy=policy)) == b"gr\xfc\xdfe\r\nFrom me\r\n"


SIGNED = (
    b'Content-Type: multipart/signed; micalg="pgp-sha1"; protocol="application/pgp-signature";\r\n boundary="=-=b"\r\n\r\n'
    b"preamble\r\n--=-=b\r\nContent-Type:   text/plain;\r\n\t\tcharset=utf-8\r\nSubject: trailing space \r\n"
    b"X-Long: " + b"x" * 200 + b" y\r\nX-Raw: gr\xc3\xbc\xc3\x9fe\r\n\r\nFrom me  \r\n-- \r\nsig\r\n\r\n--=-=b\r\n"
    b"Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP\r\n--=-=b--\r\nepilogue"
)


def test_signed_parts_are_kept_octet_by_octet() -> None:
    for policy in (email.policy.default, email.policy.compat32, email.policy.SMTP):
        message = email.message_from_bytes(SIGNED, policy=policy)
        # The package itself strips the white space after a colon when it parses; nothing can bring that back.
        assert content(message) == SIGNED.partition(b"\r\n\r\n")[2].replace(
            b"Content-Type:   text", b"Content-Type: text"
        )


def test_a_signed_part_that_was_built_is_folded_as_its_own_policy_does() -> None:
    part = EmailMessage(policy=email.policy.SMTP)
    part["Subject"] = "Grüße an alle " * 10
    part["To"] = ", ".join(f"Some Body {n} <user{n}@example.com>" for n in range(9))
    part.set_content("signed\n")
    outer = MIMEMultipart("signed", boundary="b", protocol="application/pgp-signature")
    outer.attach(part)
    outer.attach(MIMEApplication(b"sig", "pgp-signature"))
    assert bytes(part).removesuffix(b"\r\n") in content(outer)
    not_signed = MIMEMultipart("mixed", boundary="b")
    not_signed.attach(part)
    assert bytes(part).removesuffix(b"\r\n") not in content(not_signed)


def test_a_missing_boundary_is_made() -> None:
    message = MIMEMultipart("mixed", charset="x y")
    message.attach(MIMEText("a"))
    message.attach(MIMEText("b"))
    head, data = content_of(message, lambda count: b"\x01" * count)
    mark = b"=_" + b"01" * 16
    assert head.replace(b"\r\n ", b" ") == b'Content-Type: multipart/mixed; charset="x y"; boundary="' + mark + b'"\r\n'
    assert data.count(b"--" + mark) == 3
    assert message.get_boundary() is None  # the caller's object is not changed
    nested = MIMEMultipart("mixed", boundary="o")
    nested.attach(message)
    parsed = email.message_from_bytes(b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n' + content(nested))
    assert [part.get_payload() for part in parsed.walk() if not part.is_multipart()] == ["a", "b"]


def test_a_made_boundary_occurs_in_no_part() -> None:
    message = MIMEMultipart("mixed")
    message.attach(MIMEText("--=_" + "01" * 16))
    head, _ = content_of(message, lambda count: b"\x01" * count)
    assert b'"=_' + b"01" * 16 + b'"' not in head


def test_delivery_reports_keep_their_blocks() -> None:
    source = (
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.y\r\n\r\n"
        b"Final-Recipient: rfc822; a@x.y\r\nAction: failed\r\n\r\n--b--\r\n"
    )
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(source, policy=policy)
        assert content(message) == by_stdlib(message) == source.partition(b"\r\n\r\n")[2]


def test_text_without_a_character_set_is_still_text() -> None:
    message = Message()
    message.set_payload("grüße")
    assert content(message) == "grüße".encode()
    message["Content-Type"] = "text/plain; charset=iso-8859-1"
    assert content(message) == b"gr\xfc\xdfe"
    message.replace_header("Content-Type", "text/plain; charset=klingon")
    assert content(message) == "grüße".encode()
    assert content(Message()) == b""
    octets: Any = Message()
    octets.set_payload("x")
    octets._payload = b"\xfc"
    assert content(octets) == b"\xfc"


def test_what_has_no_sound_structure_is_refused() -> None:
    parts: Any = Message()
    parts.attach(Message())
    with pytest.raises(InvalidValue, match="Content-Type is text/plain"):
        content(parts)
    odd: Any = Message()
    odd.set_payload(7)
    with pytest.raises(InvalidValue, match="neither text nor bytes"):
        content(odd)
    deep: Any = MIMEText("x")
    for _ in range(200):
        outer = MIMEMultipart("mixed", boundary="b")
        outer.attach(deep)
        deep = outer
    with pytest.raises(InvalidValue, match="deeper than"):
        content(deep)


def field(name: str, value: Any, policy: Any = email.policy.default) -> bytes:
    message: Any = EmailMessage(policy=policy)
    message[name] = value
    ((found, kept),) = message.raw_items()
    return write_field(found, kept, message)


@pytest.mark.parametrize(
    ("name", "value", "raw"),
    [
        ("Subject", "Grüße", b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"),
        ("Subject", "literal =?utf-8?q?x?=", b"Subject: literal x\r\n"),  # the package decoded it when it was assigned
        ("To", "A B <a@x.y>, Jü <j@x.y>", b"To: A B <a@x.y>, =?utf-8?b?SsO8?= <j@x.y>\r\n"),
        ("To", "a@bücher.example", b"To: a@xn--bcher-kva.example\r\n"),
        ("To", '"a b"@x.y', b'To: "a b"@x.y\r\n'),
        ("To", "undisclosed-recipients:;", b"To: undisclosed-recipients:;\r\n"),
        ("To", "Team: a@x.y, b@x.y;, c@x.y", b"To: Team: a@x.y, b@x.y;, c@x.y\r\n"),
        ("Date", "Fri, 01 Mar 1996 21:24:52 -0500", b"Date: Fri, 01 Mar 1996 21:24:52 -0500\r\n"),
        ("Message-ID", "<a@x.y>", b"Message-ID: <a@x.y>\r\n"),
        ("Content-Type", 'text/plain; charset="utf-8"; name="ü.txt"', b"Content-Type: text/plain; charset=\"utf-8\"; name*=utf-8''%C3%BC.txt\r\n"),
        ("Content-Disposition", "attachment; filename=a.txt", b'Content-Disposition: attachment; filename="a.txt"\r\n'),
        ("Content-Transfer-Encoding", "base64", b"Content-Transfer-Encoding: base64\r\n"),
        ("MIME-Version", "1.0", b"MIME-Version: 1.0\r\n"),
        ("References", " ".join(["<a@x.y>"] * 12), b"References: " + b" ".join([b"<a@x.y>"] * 8) + b"\r\n" + b" <a@x.y>" * 4 + b"\r\n"),
    ],
)  # fmt: skip
def test_header_objects_are_written_by_our_rules(name: str, value: Any, raw: bytes) -> None:
    assert field(name, value) == raw


@pytest.mark.parametrize(
    "value", ["a@x.y b@x.y", "a@x.y <b@x.y>", "alice", "a@x.y)b@x.y", "a@b@c", "=?utf-8?q?a=40b?=@x.y"]
)
def test_addresses_that_the_package_guesses_at_are_refused(value: str) -> None:
    with pytest.raises(InvalidAddress):
        field("To", value)


def test_parsed_fields_keep_their_folds() -> None:
    source = b"Subject: =?utf-8?q?a?=\r\n\t=?utf-8?q?b?=  c\r\nTo: A\r\n <a@x.y>\r\nX: gr\xc3\xbc\xc3\x9fe\r\nY: gr\xfc\xdfe\r\n\r\n"
    for policy in (email.policy.default, email.policy.compat32):
        message: Any = email.message_from_bytes(source, policy=policy)
        out = b"".join(write_field(name, value, message) for name, value in message.raw_items())
        assert out == (
            b"Subject: =?utf-8?q?a?=\r\n\t=?utf-8?q?b?=  c\r\nTo: A\r\n <a@x.y>\r\n"
            b"X: =?utf-8?b?Z3LDvMOfZQ==?=\r\nY: =?utf-8?b?Z3LDvMOfZQ==?=\r\n"
        )


def test_header_objects_of_the_old_api_encode_themselves() -> None:
    message = Message()
    value = Header("Grüße an alle, die " + "hier " * 20 + "sind", "utf-8")
    raw = write_field("Subject", value, message)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    parsed = email.message_from_bytes(raw + b"\r\n", policy=email.policy.default)
    assert parsed["Subject"] == str(value)
    assert write_field("X-Number", 7, message) == b"X-Number: 7\r\n"


def test_names_are_field_names() -> None:
    with pytest.raises(InvalidHeader):
        write_field("X\nBcc", "evil@x.y", Message())
