"""Hashes that a system may have switched off."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from postwright.sasl.hashes import md5_missing

if TYPE_CHECKING:
    import pytest


def test_md5_is_there_or_its_absence_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert md5_missing() == ""

    def refuse() -> None:
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr(hashlib, "md5", refuse)
    assert "FIPS" in md5_missing()
