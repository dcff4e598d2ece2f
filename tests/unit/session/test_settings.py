"""What is made of the settings for dialing and for TLS: those that were set, and else their own defaults."""

from __future__ import annotations

from typing import Any

import pytest

from postwright.enums import SSLProvider
from postwright.events import SSLServerAuthentication, SSLStatus
from postwright.options import Plan, Properties, Settings, Store
from postwright.session.opening import _DIALING, target
from postwright.session.securing import _RULES, trust
from postwright.session.session import Session
from postwright.tls.trust import Trust
from postwright.words import Target

BY_OPENSSL = {
    "tls12_supported_groups",
    "tls13_supported_groups",
    "tls13_key_share_groups",
    "tls12_signature_algorithms",
    "tls13_signature_algorithms",
}


def session(wanted: set[type] | None = None, **values: Any) -> Session:
    store = Store()
    properties, settings = Properties(store), Settings(store)
    properties.mail_server, properties.mail_port = "mx.example", 465
    for key, value in values.items():
        setattr(settings if key in Settings._options else properties, key, value)
    return Session(Plan.of(store), clock=float, host_name="client.example", wanted=wanted or set())


@pytest.mark.parametrize(("kind", "names"), [(Trust, _RULES), (Target, _DIALING)])
def test_what_is_not_set_has_the_default_of_its_option(kind: Any, names: dict[str, str]) -> None:
    for key, name in names.items():
        option = Settings._options.get(key) or Properties._options[key]
        assert kind._field_defaults[name] == ("" if key in BY_OPENSSL else option.default), key


def test_a_plain_connection() -> None:
    made = session()
    assert target(made) == Target("mx.example", 465, timeout=60)
    assert trust(made) == Trust("mx.example", ca_paths=Settings(Store()).ssl_ca_cert_file_paths)
    assert trust(made).only_internal == ()


def test_what_is_set_for_dialing() -> None:
    made = session(connection_timeout=7, use_ipv6=1, linger=False, keep_alive_retry_count=3, local_port=99)
    assert target(made) == Target(
        "mx.example", 465, 7, use_ipv6=1, linger=False, keep_alive_count=3, keep_alive=True, local_port=99
    )


def test_what_is_set_for_tls() -> None:
    made = session(
        {SSLStatus},
        ssl_provider=2,
        tls_server_name="other.example",
        ssl_security_flags=0x20,
        log_ssl_packets=True,
        ssl_accept_server_cert_encoded=b"DER",
        ssl_ca_cert_file_paths="/one;/two",
        tls13_supported_groups="ecdhe_x25519",
    )
    assert trust(made) == Trust(
        "other.example",
        ca_paths="/one;/two",
        groups_13="ecdhe_x25519",
        flags=0x20,
        log_packets=True,
        pinned=b"DER",
        asked=True,
        provider=SSLProvider.INTERNAL,
    )
    assert len(trust(made).only_internal) == 2
    asked = trust(session({SSLServerAuthentication}, log_ssl_packets=True))
    assert asked.asked
    assert not asked.log_packets


def test_a_context_depends_on_what_openssl_is_told() -> None:
    plain = trust(session())
    other: dict[str, Any]
    for other in (
        {"asked": True},
        {"provider": 2},
        {"server_name": "x"},
        {"seed": "s"},
        {"pinned": b"x"},
        {"plugin": "p"},
    ):
        assert plain._replace(**other).context_key == plain.context_key
    for other in ({"protocols": 3072}, {"key_log": "k"}, {"credential": object()}, {"flags": 1}, {"ca_file": "f"}):
        assert plain._replace(**other).context_key != plain.context_key
