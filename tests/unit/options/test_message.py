"""The message's properties: headers are lines, bodies are free."""

from __future__ import annotations

import pytest

from postwright import enums, errors
from postwright.options.message import MessageProperties
from postwright.options.option import Store


@pytest.fixture
def message() -> MessageProperties:
    return MessageProperties(Store())


def test_the_date_and_the_id_are_made_by_default(message: MessageProperties) -> None:
    assert (message.message_date, message.message_id) == ("*", "*")


def test_bodies_may_hold_anything(message: MessageProperties) -> None:
    message.message_text = "one\r\n.two\n\ttabs and \0"
    message.message_html = "<p>\n</p>"
    message.message = "Grüße"
    assert message.message == b"Gr\xc3\xbc\xc3\x9fe"


def test_other_headers_are_lines(message: MessageProperties) -> None:
    message.other_headers = "X-A: 1\r\nX-B: 2\r\n\tfolded"
    with pytest.raises(errors.ForbiddenCharacter):
        message.other_headers = "X-A: \0"
    assert message.other_headers.startswith("X-A: 1")


def test_a_subject_can_t_bring_a_header_along(message: MessageProperties) -> None:
    message.subject = "Hi"
    with pytest.raises(errors.ForbiddenCharacter, match="Subject"):
        message.subject = "Hi\r\nBcc: eve@example.org"
    assert message.subject == "Hi"


def test_the_headers_as_sent_come_from_the_session(message: MessageProperties) -> None:
    message._store.live = {"message_headers_string": "Subject: Hi\r\n"}.get
    assert message.message_headers_string == "Subject: Hi\r\n"
    with pytest.raises(errors.ReadOnly):
        message.message_headers_string = ""


def test_marks_are_members_of_enumerations(message: MessageProperties) -> None:
    message.importance, message.priority, message.sensitivity = 1, 2, 3
    assert (message.importance, message.priority, message.sensitivity) == (
        enums.Importance.HIGH,
        enums.Priority.URGENT,
        enums.Sensitivity.COMPANY_CONFIDENTIAL,
    )
