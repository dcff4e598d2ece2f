"""Client certificates: shown to servers that ask, with their chain, by both providers; what is wrong with one is said."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from postwright.enums import SSLCertStoreType
from postwright.errors import (
    CertificateStoreUnreadable,
    ChainNotFound,
    ChainNotVerified,
    ClientCertificateMissing,
    CredentialsUnusable,
    HandshakeFailed,
    SecurityLibraryMissing,
)
from postwright.tls import chains, credentials, files, stores
from postwright.tls.credentials import Credential, PKCS11Key
from tests.unit.tls import pki
from tests.unit.tls.rig import NAMES, PROVIDERS, SERVERS, TLS_12, TLS_13, StandardServer, connect, exchange, shake

if TYPE_CHECKING:
    from postwright.enums import SSLProvider

both = pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)
versions = pytest.mark.parametrize("protocols", [TLS_12, TLS_13], ids=["1.2", "1.3"])


def credential(kind: str, key: Any = None) -> Credential:
    who = pki.party(kind)
    return Credential(who.der, who.ders[1:], key or who.key)


@both
@versions
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", ["client", "rsa-client"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_server_that_asks_gets_the_certificate(
    provider: SSLProvider, protocols: int, server: str, kind: str, asked: bool
) -> None:
    other = SERVERS[server](pki.party("good"), ask=True)
    client = connect(provider, protocols=protocols, credential=credential(kind), asked=asked)
    shake(client, other)
    exchange(client, other)
    assert other.client() == pki.party(kind).der


@both
def test_the_server_is_judged_before_it_sees_who_we_are(provider: SSLProvider) -> None:
    for kind in ("unknownca", "expired", "wronghost"):
        other = SERVERS["ssl"](pki.party(kind), ask=True)
        client = connect(provider, protocols=TLS_13, credential=credential("client"))
        assert shake(client, other) is None
        assert other.client() == b""


@pytest.mark.parametrize("memory", [True, False])
def test_the_key_is_in_memory_or_encrypted(monkeypatch: pytest.MonkeyPatch, memory: bool) -> None:
    written: list[bytes] = []
    plain = files.named

    def spy(data: bytes) -> Any:
        written.append(data)
        return plain(data)

    monkeypatch.setattr(files, "named", spy)
    monkeypatch.setattr(files, "MEMORY", memory)
    shown = Credential(pki.party("client").der, (), pki.party("client").key)
    connect(PROVIDERS[0], credential=shown, ciphers=f"DEFAULT:{memory}:HIGH")
    assert (b"ENCRYPTED" in written[0]) is not memory


def test_a_file_without_memory_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MEMORY", False)
    with files.named(b"secret") as path:
        assert Path(path).read_bytes() == b"secret"
        assert Path(path).stat().st_mode & 0o777 == 0o600
        assert Path(path).parent.stat().st_mode & 0o777 == 0o700
    assert not Path(path).parent.exists()


@both
def test_a_key_of_another_certificate_is_refused(provider: SSLProvider) -> None:
    with pytest.raises(CredentialsUnusable, match=r"\[273\].*private key does not belong to the client certificate"):
        connect(provider, credential=credential("client", pki.party("good").key))


@both
def test_a_weak_client_certificate_is_refused(provider: SSLProvider) -> None:
    with pytest.raises(CredentialsUnusable, match=r"too weak for OpenSSL.*SECLEVEL=0"):
        connect(provider, credential=credential("weakkey"))
    connect(provider, credential=credential("weakkey"), ciphers="DEFAULT:@SECLEVEL=0")


@both
@versions
@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_insists_on_one_is_told_apart(provider: SSLProvider, protocols: int, server: str) -> None:
    other = SERVERS[server](pki.party("good"), ask=True)
    client = connect(provider, protocols=protocols)
    with pytest.raises(ClientCertificateMissing, match=r"\[281\].*ssl_cert_store_type"):  # noqa: PT012
        shake(client, other)
        client.feed(other.outgoing())
        client.decrypt()


@both
@versions
def test_a_server_that_refuses_ours_says_so(provider: SSLProvider, protocols: int) -> None:
    other = StandardServer(pki.party("good"), ask=True)
    client = connect(provider, protocols=protocols, credential=credential("client-selfsigned"))
    with pytest.raises(HandshakeFailed, match=r"refused the client certificate: alert unknown ca"):  # noqa: PT012
        shake(client, other)
        client.feed(other.outgoing())
        client.decrypt()


def test_nothing_secret_is_shown() -> None:
    assert "PrivateKey" not in repr(credential("client"))
    assert "1234" not in repr(PKCS11Key("pkcs11:token=a", "1234", "/lib.so"))
    assert "secret" not in repr(
        connect.__globals__["trust"](PROVIDERS[0], seed="secret", credential=credential("client"))
    )


# SSLCACerts


def test_the_chain_leads_from_the_issuer_upwards() -> None:
    alone = credential("client")._replace(chain=())
    made = chains.with_authorities(alone, pki.root().pem + "\r\n" + pki.stranger().pem + pki.intermediate().pem)
    assert made.chain == (pki.intermediate().der, pki.root().der)
    assert chains.with_authorities(credential("client"), pki.root().pem).chain == made.chain


@pytest.mark.parametrize("text", ["no certificate", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n"])
def test_authorities_that_can_not_be_read(text: str) -> None:
    with pytest.raises(ChainNotFound, match=r"\[274\].*SSLCACerts can't be read"):
        chains.with_authorities(credential("client"), text)


def test_authorities_that_issued_nothing_of_ours() -> None:
    with pytest.raises(ChainNotFound, match="does not hold the issuer"):
        chains.with_authorities(credential("client")._replace(chain=()), pki.stranger().pem)


def test_an_authority_of_the_same_name_that_did_not_sign() -> None:
    twin = pki.issue("Test Intermediate", pki.root(), authority=True)
    with pytest.raises(ChainNotVerified, match=r"\[275\].*another certificate of the same name"):
        chains.with_authorities(credential("client")._replace(chain=()), twin.pem)


# Stores


def loaded(store: bytes, subject: str = "*", authorities: str = "") -> Credential:
    return credentials.load(SSLCertStoreType.PEM_KEY_BLOB, store, "", subject, b"", authorities)


def test_a_store_is_read_once() -> None:
    pem = pki.party("client").all_pem
    first = loaded(pem)
    assert first.certificate == pki.party("client").der
    assert loaded(pem) is first
    assert loaded(pem, authorities=pki.root().pem + pki.intermediate().pem).chain == (
        pki.intermediate().der,
        pki.root().der,
    )


@pytest.mark.parametrize("right", [True, False])
def test_who_wants_a_store_while_it_is_opened_waits_for_the_answer(
    monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    """A token locks itself after a few wrong PINs, so threads must not try the same one each."""
    opened: list[str] = []
    everybody = threading.Barrier(8)
    load = stores.load

    def slowly(kind: SSLCertStoreType, store: bytes, password: str, *rest: Any) -> Credential:
        opened.append(password)
        time.sleep(0.2)
        return load(kind, store, password, *rest)

    def once(_: int) -> object:
        everybody.wait()
        try:
            return credentials.load(SSLCertStoreType.PEM_KEY_BLOB, key, password, "*", b"", "")
        except CertificateStoreUnreadable as error:
            return error

    password = f"{right}{time.time_ns()}"  # of a store that nobody has opened yet
    who = pki.party("client")
    key = who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    key += who.pem.encode()
    password = password if right else "wrong" + password
    monkeypatch.setattr(stores, "load", slowly)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(once, range(8)))
    assert opened == [password]
    if right:
        assert all(each is found[0] for each in found)
    else:
        assert len({id(each) for each in found}) == 8
        assert all("does not open" in str(each) for each in found)


def test_a_store_that_changed_is_read_again(tmp_path: Path) -> None:
    import os

    path = tmp_path / "client.pem"
    for number, kind in enumerate(("client", "rsa-client")):
        path.write_bytes(pki.party(kind).all_pem)
        os.utime(path, (number, number))
        found = credentials.load(SSLCertStoreType.PEM_KEY_FILE, str(path).encode(), "", "*", b"", "")
        assert found.certificate == pki.party(kind).der


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setitem(sys.modules, "cryptography.x509", None)
    monkeypatch.delitem(sys.modules, "postwright.tls.chains")
    monkeypatch.delattr("postwright.tls.chains")
    with pytest.raises(SecurityLibraryMissing, match=r"\[270\].*pip install 'postwright\[tls\]'"):
        loaded(b"something else")
