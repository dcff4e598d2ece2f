"""The library's own settings."""

from __future__ import annotations

import sys

import pytest

import postwright
from postwright import errors
from postwright.options.base import BaseSettings
from postwright.options.option import Store


@pytest.fixture
def settings() -> BaseSettings:
    return BaseSettings(Store())


def test_the_build_names_both_versions(settings: BaseSettings) -> None:
    assert settings.build_info.startswith(f"postwright {postwright.__version__}, Python {sys.version_info.major}.")


def test_the_licence_is_mit(settings: BaseSettings) -> None:
    assert settings.license_info.startswith("MIT")
    with pytest.raises(errors.ReadOnly):
        settings.license_info = "mine"


@pytest.mark.parametrize(
    ("key", "value"),
    [("code_page", 1252), ("process_idle_events", False), ("use_fips_compliant_api", True)],
)
def test_what_comes_later(settings: BaseSettings, key: str, value: object) -> None:
    setattr(settings, key, BaseSettings._options[key].default)
    with pytest.raises(errors.NotAvailable):
        setattr(settings, key, value)


def test_the_internal_provider_comes_later(settings: BaseSettings) -> None:
    settings.use_internal_security_api = False
    with pytest.raises(errors.NotAvailable, match="Internal provider"):
        settings.use_internal_security_api = True


def test_waiting_and_masking(settings: BaseSettings) -> None:
    settings.select_wait_millis = 0
    settings.mask_sensitive = False
    with pytest.raises(errors.InvalidValue):
        settings.select_wait_millis = -1
    assert (settings.select_wait_millis, settings.mask_sensitive) == (0, False)
