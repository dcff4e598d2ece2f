"""An EHLO reply says what the server offers, in any case and any spelling that is in use."""

from __future__ import annotations

import pytest

from postwright.wire.extensions import Extensions
from postwright.words import Reply


def of(*lines: str) -> Extensions:
    return Extensions.of(Reply(250, ("mx.example", *lines)))


def test_the_first_line_is_the_servers_name() -> None:
    assert list(Extensions.of(Reply(250, ("PIPELINING SIZE",)))) == []


def test_keywords_match_in_any_case() -> None:
    found = of("pipelining", "Size 100")
    assert "PIPELINING" in found
    assert found.size_limit == 100
    assert "DSN" not in found
    assert list(found) == ["PIPELINING", "SIZE"]


@pytest.mark.parametrize(
    ("line", "limit"),
    [("SIZE 100", 100), ("SIZE", None), ("SIZE 0", None), ("SIZE x", None), ("SIZE -1", None), ("SIZE ٣", None),
     ("SIZE " + "9" * 20, int("9" * 20)), ("SIZE " + "9" * 21, None)],
)  # fmt: skip
def test_the_size_limit_is_a_number_or_none(line: str, limit: int | None) -> None:
    assert of(line).size_limit == limit


def test_mechanisms_come_from_both_spellings_each_once() -> None:
    assert of("AUTH plain LOGIN", "AUTH=LOGIN XOAUTH2", "auth=CRAM-MD5").mechanisms == (
        "PLAIN",
        "LOGIN",
        "XOAUTH2",
        "CRAM-MD5",
    )
    assert of("AUTH").mechanisms == ()
    assert of().mechanisms == ()


def test_nonsense_is_no_error() -> None:
    found = of("", "   ", "=", "\udcff x", "8BITMIME x y")
    assert found.parameters("8BITMIME") == ("x", "y")
    assert found.parameters("DSN") == ()
