"""Recipients as records, as flat views and as text are one list; options are strict ESMTP parameters."""

from __future__ import annotations

import random
from typing import Any

import pytest

from postwright import SMTP, MessageRecipient
from postwright.component.recipients import parse_options
from postwright.enums import RecipientType
from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidValue


@pytest.fixture
def smtp() -> SMTP:
    return SMTP(send_to="Ann <ann@x.example>, bob@x.example", cc="carl@x.example", bcc="dora@x.example")


def test_records_views_and_texts_are_one_list(smtp: SMTP) -> None:
    assert list(smtp.message_recipient_address) == [
        "ann@x.example",
        "bob@x.example",
        "carl@x.example",
        "dora@x.example",
    ]
    assert list(smtp.message_recipient_name) == ["Ann", "", "", ""]
    assert list(smtp.message_recipient_type) == [0, 0, 1, 2]
    assert smtp.message_recipient_count == len(smtp.message_recipients) == len(smtp.message_recipient_address) == 4
    smtp.message_recipient_address[1] = "eve@x.example"
    smtp.message_recipient_type[1] = RecipientType.BCC
    smtp.message_recipient_name[2] = 'C "the" D'
    smtp.message_recipients[3].options = "NOTIFY=NEVER"
    assert smtp.send_to == '"Ann" <ann@x.example>'
    assert smtp.cc == '"C \\"the\\" D" <carl@x.example>'
    assert smtp.bcc == "eve@x.example, dora@x.example"
    assert smtp.message_recipient_options[3] == "NOTIFY=NEVER"
    assert repr(smtp.message_recipient_name) == repr(list(smtp.message_recipient_name))


def test_what_is_shown_can_be_set_again(smtp: SMTP) -> None:
    smtp.message_recipients.add('"a b"@x.example', 'Q "uote" \\, x')
    for name in ("send_to", "cc", "bcc"):
        before = [(r.address, r.name) for r in smtp.message_recipients]
        setattr(smtp, name, getattr(smtp, name))
        assert sorted((r.address, r.name) for r in smtp.message_recipients) == sorted(before)


def test_setting_one_kind_leaves_the_others(smtp: SMTP) -> None:
    smtp.cc = ""
    assert smtp.cc == ""
    assert smtp.message_recipient_count == 3
    smtp.send_to = "fay@x.example"
    assert smtp.bcc == "dora@x.example"


def test_a_text_that_cannot_be_read_changes_nothing(smtp: SMTP) -> None:
    with pytest.raises(InvalidAddress):
        smtp.send_to = "good@x.example, bad"
    assert smtp.send_to == '"Ann" <ann@x.example>, bob@x.example'


def test_the_count_grows_and_cuts(smtp: SMTP) -> None:
    smtp.message_recipient_count = 6
    assert list(smtp.message_recipient_address)[4:] == ["", ""]
    smtp.message_recipient_count = 1
    assert smtp.send_to == '"Ann" <ann@x.example>'
    assert smtp.bcc == ""
    with pytest.raises(InvalidValue):
        smtp.message_recipient_count = -1


def test_a_fresh_record_takes_its_values_in_any_order(smtp: SMTP) -> None:
    smtp.message_recipient_count = 1
    smtp.message_recipient_count = 2
    smtp.message_recipient_name[1] = "Gus"
    assert smtp.message_recipient_address[1] == ""
    assert smtp.send_to == '"Ann" <ann@x.example>'
    smtp.message_recipient_address[1] = "gus@x.example"
    assert smtp.message_recipient_name[1] == "Gus"
    smtp.message_recipient_address[1] = "Hal <hal@x.example>"
    assert smtp.message_recipient_name[1] == "Hal"
    smtp.message_recipient_address[1] = ""
    assert smtp.message_recipient_address[1] == ""


def test_the_list_is_a_list(smtp: SMTP) -> None:
    rows = smtp.message_recipients
    rows.append(MessageRecipient("i@x.example", type=1))
    rows.insert(0, MessageRecipient("h@x.example"))
    del rows[1]
    rows[0] = MessageRecipient("j@x.example", name="Jay")
    assert [row.address for row in rows[:2]] == ["j@x.example", "bob@x.example"]
    assert smtp.cc == "carl@x.example, i@x.example"
    rows.clear()
    assert smtp.message_recipient_count == 0
    with pytest.raises(IndexError):
        smtp.message_recipient_address[0]
    assert repr(MessageRecipient("j@x.example")).startswith("MessageRecipient('j@x.example'")


@pytest.mark.parametrize("seed", range(20))
def test_it_makes_no_difference_whether_records_were_asked_for(seed: int) -> None:
    chance = random.Random(seed)
    plain, asked = SMTP(), SMTP()
    for _ in range(12):
        name = chance.choice(["send_to", "cc", "bcc"])
        text = ", ".join(f"{chance.choice('abc')}@x.example" for _ in range(chance.randrange(3)))
        setattr(plain, name, text)
        setattr(asked, name, text)
        rows = list(asked.message_recipients)
        assert all(a is b for a, b in zip(rows, asked.message_recipients, strict=True))
        assert plain._recipients.frozen() == asked._recipients.frozen() == tuple(row.frozen() for row in rows)
        assert len(plain.message_recipients) == len(rows)
    assert [row.address for row in plain.message_recipients] == [row.address for row in asked.message_recipients]


@pytest.mark.parametrize("value", ["a@x.example\r\nRCPT TO:<b@x.example>", "a@x.example, bad", None, ["a@x.example"]])
def test_a_value_that_is_refused_is_refused_again(smtp: SMTP, value: Any) -> None:
    texts = set()
    for _ in range(2):
        with pytest.raises(InvalidValue) as caught:
            smtp.cc = value
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert smtp.cc == "carl@x.example"


@pytest.mark.parametrize("kind", [-1, 3, "To", None])
def test_a_type_is_one_of_three(smtp: SMTP, kind: object) -> None:
    with pytest.raises(InvalidValue):
        smtp.message_recipients[0].type = kind  # type: ignore[assignment]  # that is what is tried
    assert smtp.message_recipients[0].type is RecipientType.TO


def test_the_headers_of_the_last_message_can_only_be_read(smtp: SMTP) -> None:
    assert smtp.message_header_count == 0
    with pytest.raises((InvalidValue, IndexError)):
        smtp.message_header_field[0] = "X"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", ()),
        ("NOTIFY=SUCCESS,FAILURE", (("NOTIFY", "SUCCESS,FAILURE"),)),
        ("NOTIFY SUCCESS,FAILURE", (("NOTIFY", "SUCCESS,FAILURE"),)),
        ("notify=never", (("NOTIFY", "NEVER"),)),
        ("NOTIFY=delay ORCPT=rfc822;a@b", (("NOTIFY", "DELAY"), ("ORCPT", "rfc822;a@b"))),
        ("ORCPT rfc822;a+b@c", (("ORCPT", "rfc822;a+2Bb@c"),)),
        ("ORCPT=rfc822;a+2Bb@c", (("ORCPT", "rfc822;a+2Bb@c"),)),
        ("RRVS=2024-01-01T00:00:00Z;C", (("RRVS", "2024-01-01T00:00:00Z;C"),)),
        ("X-FLAG", (("X-FLAG", ""),)),
        ("  X-FLAG   Y=1 ", (("X-FLAG", ""), ("Y", "1"))),
    ],
)
def test_options_are_parameters(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse_options(text) == pairs


@pytest.mark.parametrize(
    "text",
    ["NOTIFY", "NOTIFY=", "NOTIFY=ALWAYS", "NOTIFY=NEVER,DELAY", "NOTIFY=DELAY,DELAY", "NOTIFY=,", "=x", "a_b=1", "X=é",
     "X=", "ORCPT=a@b", "ORCPT=rfc822;", "ORCPT=;a@b", "X=a=b", "-X=1", "X=\x7f", "X\t=1", "X=1\n"],
)  # fmt: skip
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_options(text)


@pytest.mark.parametrize("c", ["\r", "\n", "\0", "\x1b", "\x7f"], ids=ascii)
def test_a_name_has_no_control_characters(smtp: SMTP, c: str) -> None:
    with pytest.raises(ForbiddenCharacter):
        smtp.message_recipient_name[0] = f"a{c}b"
    assert smtp.message_recipient_name[0] == "Ann"
