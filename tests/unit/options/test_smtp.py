"""The server, the login and the SMTP settings."""

from __future__ import annotations

import pytest

from postwright import enums, errors
from postwright.options.option import Store
from postwright.options.smtp import SMTPProperties, SMTPSettings


@pytest.fixture
def server() -> SMTPProperties:
    return SMTPProperties(Store())


@pytest.fixture
def settings() -> SMTPSettings:
    return SMTPSettings(Store())


@pytest.mark.parametrize("port", [0, -1, 65536, "25", None, True])
def test_a_port_that_is_none_has_its_own_error(server: SMTPProperties, port: int) -> None:
    server.mail_port = 587
    with pytest.raises(errors.RemotePortInvalid):
        server.mail_port = port
    assert server.mail_port == 587


def test_server_and_port_are_locked_while_connected(server: SMTPProperties) -> None:
    server._store.locked = True
    with pytest.raises(errors.RemotePortLocked):
        server.mail_port = 25
    with pytest.raises(errors.RemoteHostLocked):
        server.mail_server = "mx.example.org"
    server.timeout = 5
    assert server.timeout == 5


@pytest.mark.parametrize("mechanism", sorted({*enums.AuthMechanism} - {3}))
def test_mechanisms(server: SMTPProperties, mechanism: int) -> None:
    server.auth_mechanism = mechanism
    assert server.auth_mechanism is enums.AuthMechanism(mechanism)


def test_apop_never_comes(server: SMTPProperties) -> None:
    with pytest.raises(errors.InvalidValue, match="SMTP does not"):
        server.auth_mechanism = enums.AuthMechanism.APOP


def test_the_password_is_kept_to_itself(server: SMTPProperties) -> None:
    server.password = "geheim"
    assert "geheim" not in repr(server)
    with pytest.raises(errors.ForbiddenCharacter) as caught:
        server.password = "geheim\0"
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "UTF-8", "iso-8859-15", "windows-1252", "iso-2022-jp"])
def test_character_sets_that_python_knows(settings: SMTPSettings, name: str) -> None:
    settings.charset = name
    assert settings.charset == name


@pytest.mark.parametrize("name", ["klingon", "rot13", "base64", "utf 8", "utf-8?q", "ütf"])
def test_other_character_sets_are_refused(settings: SMTPSettings, name: str) -> None:
    with pytest.raises(errors.InvalidValue, match="UTF-8"):
        settings.charset = name


def test_hello_is_this_host_s_name_until_it_is_set(settings: SMTPSettings) -> None:
    settings._store.host_name = lambda: "me.example"
    assert settings.hello == "me.example"
    settings.hello = "[192.0.2.1]"
    assert settings.hello == "[192.0.2.1]"
    for bad in ("two words", "münchen.example"):
        with pytest.raises(errors.InvalidValue, match="host name"):
            settings.hello = bad


@pytest.mark.parametrize("length", [19, 999])
def test_header_lines_stay_within_rfc_5322(settings: SMTPSettings, length: int) -> None:
    with pytest.raises(errors.InvalidValue, match="20 to 998"):
        settings.max_header_length = length


def test_the_hash_of_message_ids_in_any_case(settings: SMTPSettings) -> None:
    settings.message_id_algorithm = "sha256"
    assert settings.message_id_algorithm == "SHA256"
    with pytest.raises(errors.InvalidValue, match="'MD5', 'SHA1', 'SHA256'"):
        settings.message_id_algorithm = "SHA3"


def test_sent_queue_files_may_stay(settings: SMTPSettings) -> None:
    assert not settings.keep_queue
    settings.keep_queue = True
    assert settings.keep_queue
