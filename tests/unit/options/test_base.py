"""The library's own settings."""

from __future__ import annotations

import codecs
import sys

import pytest

import postwright
from postwright import errors
from postwright.options.base import BaseSettings
from postwright.options.codepages import CODECS
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


@pytest.mark.parametrize("page", [37, 437, 1252, 20866, 28605, 54936, 65001, 0x8C000100])
def test_a_code_page_that_python_has_a_codec_for(settings: BaseSettings, page: int) -> None:
    settings.code_page = page
    assert settings.code_page == page
    "text".encode(CODECS[page])


@pytest.mark.parametrize("page", [709, 20261, 57002, 65536, 12345])
def test_a_code_page_without_a_codec_is_434(settings: BaseSettings, page: int) -> None:
    settings.code_page = 1252
    with pytest.raises(errors.TextNotEncodable, match=str(page)) as caught:
        settings.code_page = page
    assert caught.value.code == 434
    assert settings.code_page == 1252


def test_every_code_page_has_a_codec() -> None:
    assert [codecs.lookup(codec).name for codec in CODECS.values()]


def test_fips_mode_is_a_fact_of_the_process(settings: BaseSettings) -> None:
    active = settings.use_fips_compliant_api
    settings.use_fips_compliant_api = active
    with pytest.raises(errors.NotAvailable, match="FIPS mode"):
        settings.use_fips_compliant_api = not active
    assert settings.use_fips_compliant_api == active


def test_the_internal_provider_can_be_asked_for(settings: BaseSettings) -> None:
    assert not settings.use_internal_security_api
    settings.use_internal_security_api = True
    assert settings.use_internal_security_api


def test_waiting_and_masking(settings: BaseSettings) -> None:
    settings.select_wait_millis = 0
    settings.mask_sensitive = False
    with pytest.raises(errors.InvalidValue):
        settings.select_wait_millis = -1
    assert (settings.select_wait_millis, settings.mask_sensitive) == (0, False)
