"""EXTERNAL: who the certificate names, or whom it may act as."""

from __future__ import annotations

import pytest

from postwright.sasl.external import EXTERNAL
from postwright.sasl.mechanism import Credentials


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        (Credentials(), b""),
        (Credentials("alice"), b"alice"),
        (Credentials("alice", identity="bob"), b"bob"),
        (Credentials(password="unused"), b""),
    ],
)
def test_one_message_says_as_whom(credentials: Credentials, message: bytes) -> None:
    assert list(EXTERNAL.start(credentials)) == [message]
