"""Tokens as stores, with SoftHSM: certificates are found without the PIN, keys with it, and no PIN is tried twice."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pytest

from postwright.enums import SSLCertStoreType as K
from postwright.errors import CertificateNotFound, CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import cryptoki, pkcs11uri
from postwright.tls.credentials import PKCS11Key
from postwright.tls.stores import load
from tests.interop.servers import missing
from tests.support.client_certificates import inter, leaf, program, root, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client_certificates import Pair

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
SYSTEM = Path("/usr/share/p11-kit/modules/softhsm2.module")
ENGINES = list(Path("/usr/lib").glob("*/engines-3/pkcs11.so"))
ROOT = Path(__file__).parents[3]
PIN, OTHER_PIN = "1234", "98765"


class Tokens(NamedTuple):
    """A SoftHSM of its own, with its tokens."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def ask(
        self, store: str | bytes, subject: str | None = "*", pin: str = PIN, kind: int = K.PKCS11, **more: Any
    ) -> Any:
        """Have a process look into the tokens, and return its answer."""
        data = store if isinstance(store, bytes) else store.encode()
        asked: dict[str, Any] = {"kind": int(kind), "store": data.hex(), "pin": pin, **more}
        if subject is not None:
            asked["subject"] = subject
        words = (sys.executable, "-m", "tests.support.token_client")
        place = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        said = run(*words, given=json.dumps(asked).encode(), environment=place | self.environment)
        return json.loads(said)


def new_token(tokens: Tokens, label: str, pin: str) -> None:
    words = ("--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321")
    run(program("softhsm2-util", "softhsm2"), *words, environment=tokens.environment)


def put(
    tokens: Tokens,
    token: str,
    pin: str,
    label: str,
    number: str,
    pair: Pair,
    *,
    key: bool = True,
    cert: bool = True,
) -> None:
    """Put a pair into a token, or one half of it."""
    if key:
        file = tokens.folder / "key.pem"
        file.write_bytes(pair.key_pem())
        where = ("--token", token, "--pin", pin)
        words = ("--import", file, *where, "--label", label, "--id", number)
        run(program("softhsm2-util", "softhsm2"), *words, environment=tokens.environment)
    if cert:
        file = tokens.folder / "cert.der"
        file.write_bytes(pair.der)
        place = ("--module", LIBRARY, "--token-label", token, "--login", "--pin", pin)
        what = ("--write-object", file, "--type", "cert", "--label", label, "--id", number)
        run(
            program("pkcs11-tool", "opensc"),
            *place,
            *what,
            environment=tokens.environment,
        )


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    if not LIBRARY.exists():
        missing("SoftHSM is not installed (softhsm2)")
    made = Tokens(tmp_path_factory.mktemp("softhsm"))
    (made.folder / "tokens").mkdir()
    text = f"directories.tokendir = {made.folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (made.folder / "softhsm2.conf").write_text(text, encoding="ascii")
    new_token(made, "mail", PIN)
    put(made, "mail", PIN, "client", "01", leaf("rsa", "alice"))
    put(made, "mail", PIN, "client-ec", "02", leaf("ec", "bob"))
    put(made, "mail", PIN, "authority", "03", inter(), key=False)
    put(made, "mail", PIN, "lost", "04", leaf("ec384", "carol"), key=False)
    put(made, "mail", PIN, "bare", "05", leaf("ec521", "dave"), cert=False)
    new_token(made, "other token", OTHER_PIN)
    put(made, "other token", OTHER_PIN, "eve", "01", leaf("other", "eve"))
    return made


MODULE = f"?module-path={LIBRARY}"


@pytest.mark.parametrize(
    ("store", "subject", "pin", "name", "address"),
    [
        (f"pkcs11:token=mail;object=client{MODULE}", "*", PIN, "alice", "id=%01"),
        (f"pkcs11:token=mail;id=%02{MODULE}", "*", PIN, "bob", "id=%02"),
        (f"pkcs11:token=mail{MODULE}&pin-value={PIN}", "bob", "", "bob", "id=%02"),
        (f"pkcs11:{MODULE}", "CN=bob", PIN, "bob", "id=%02"),
        (f"pkcs11:token=other%20token{MODULE}", "*", OTHER_PIN, "eve", "id=%01"),
        (str(LIBRARY), "alice", PIN, "alice", "id=%01"),
        (str(LIBRARY), "eve", OTHER_PIN, "eve", "id=%01"),
    ],
)
def test_a_certificate_is_found_with_the_address_of_its_key(
    tokens: Tokens, store: str, subject: str, pin: str, name: str, address: str
) -> None:
    for kind in (K.PKCS11, K.AUTO):
        said = tokens.ask(store, subject, pin, kind)
        assert said["subject"].startswith(f"CN={name}, "), said
        assert said["chain"] == (0 if name == "eve" and store.startswith("pkcs11") else 1)
        label = "other%20token" if name == "eve" else "mail"
        assert said["uri"].startswith(f"pkcs11:token={label};serial=")
        assert said["uri"].endswith(f";{address};type=private")
        assert (said["pin"], said["module"]) == (pin or PIN, str(LIBRARY))
        assert said["pin"] not in said["repr"].replace(said["uri"], "")


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_the_key_in_the_token_logs_in_from_many_threads(tokens: Tokens, name: str) -> None:
    if not ENGINES:
        missing("OpenSSL's engine for PKCS#11 is not installed (libengine-pkcs11-openssl)")
    said = tokens.ask(f"pkcs11:token=mail{MODULE}", name, threads=4, trusted=root().pem.decode())
    assert said["subject"].startswith(f"CN={name}, "), said


@pytest.mark.skipif(not SYSTEM.exists(), reason="p11-kit does not know SoftHSM here")
def test_without_a_path_the_system_s_libraries_are_asked(tokens: Tokens) -> None:
    said = tokens.ask("pkcs11:token=mail;object=client")
    assert said["subject"].startswith("CN=alice, "), said
    assert said["module"] == ""


def test_without_a_path_and_without_p11_kit_a_path_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", absent)
    with pytest.raises(
        CertificateStoreUnreadable, match=r"p11-kit-proxy.so: .*: name the token's library, .*module-path="
    ):
        load(K.PKCS11, b"pkcs11:token=mail", PIN, "*", b"")


def test_all_tokens_are_listed_and_what_is_saved_names_one_certificate(tokens: Tokens) -> None:
    found = tokens.ask(str(LIBRARY), None)["found"]
    assert {(subject.split(",")[0], has_key) for subject, has_key, _ in found} == {
        ("CN=alice", True),
        ("CN=bob", True),
        ("CN=carol", True),  # as far as can be seen without the PIN
        ("CN=eve", True),
        ("CN=Intermediate", False),
    }
    saved = next(bytes.fromhex(saved) for subject, _, saved in found if subject.startswith("CN=bob"))
    said = tokens.ask(saved)
    assert said["subject"].startswith("CN=bob, ")
    assert said["uri"].endswith(";id=%02;type=private")


def test_a_certificate_may_follow_the_library(tokens: Tokens) -> None:
    for text in (leaf("ec", "bob").pem, leaf("ec521", "dave").pem):
        said = tokens.ask(f"{LIBRARY}\n".encode() + text)
        assert said["uri"].split(";")[-2] in {"id=%02", "id=%05"}, said


def test_ssl_cert_encoded_finds_a_key_whose_certificate_is_elsewhere(tokens: Tokens) -> None:
    for pair, number in ((leaf("ec521", "dave"), "05"), (leaf("rsa", "alice"), "01")):
        said = tokens.ask(str(LIBRARY), "", encoded=pair.pem.hex())
        assert said["uri"].endswith(f";id=%{number};type=private"), said
        assert said["chain"] == 1


@pytest.mark.parametrize(
    ("store", "subject", "pin", "code", "words"),
    [
        (f"pkcs11:token=mail{MODULE}", "alice", "9999", 271, "the PIN is wrong: check ssl_cert_store_password"),
        (f"pkcs11:token=mail{MODULE}", "alice", "1", 271, "PIN"),
        (f"pkcs11:token=mail{MODULE}", "alice", "", 271, "'mail' needs its PIN: set ssl_cert_store_password"),
        (
            f"pkcs11:token=gone{MODULE}",
            "*",
            PIN,
            271,
            "no token has the token 'gone'; there is 'mail', 'other token'",
        ),
        (f"pkcs11:token=mail;id=%01{MODULE}x", "*", PIN, 271, "it can't be loaded"),
        ("pkcs11:token=mail?module-path=/bin/sh", "*", PIN, 271, "it can't be loaded"),
        ("pkcs11:token=mail?module-path=libz.so.1", "*", PIN, 271, "it is no PKCS#11 library"),
        (f"pkcs11:token=mail{MODULE}", "zoe", PIN, 272, "'zoe'. It holds: CN="),
        (f"pkcs11:token=mail{MODULE}", "carol", PIN, 273, "no private key with the same id"),
        (f"pkcs11:token=mail{MODULE}", "Intermediate", PIN, 273, "no private key in the PKCS#11 token belongs to"),
        (f"pkcs11:token=mail{MODULE}", "", PIN, 281, "set ssl_cert_subject"),
    ],
)
def test_what_is_wrong_is_said(tokens: Tokens, store: str, subject: str, pin: str, code: int, words: str) -> None:
    said = tokens.ask(store, subject, pin)
    assert (said["code"], words in said["error"]) == (code, True), said
    assert not pin or pin == "1" or f"'{pin}'" not in said["error"]


class Tried(cryptoki.Library):
    """A library with two tokens that know no PIN, which remembers where one was tried."""

    tries: ClassVar[list[tuple[bytes, str]]] = []
    flags: ClassVar[int] = cryptoki.INITIALIZED | cryptoki.LOGIN_REQUIRED

    def __init__(self, path: str) -> None:
        self.name = path

    def tokens(self) -> list[cryptoki.Token]:
        names = ({"token": label, "serial": b"", "manufacturer": b"", "model": b""} for label in (b"mail", b"other"))
        return [cryptoki.Token(slot, name, self.flags) for slot, name in enumerate(names)]

    @contextmanager
    def session(self, token: cryptoki.Token, pin: str = "") -> Iterator[cryptoki.Session]:
        if pin:
            self.tries.append((token.names["token"], pin))
            self._check(0xA0)
        yield OneCertificate(leaf("ec", token.names["token"].decode()).der)


class OneCertificate(cryptoki.Session):
    """What is in a token: an object that is no certificate, and a certificate."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def find(self, kind: int, **wanted: bytes) -> list[int]:
        return [1, 2] if kind == cryptoki.CERTIFICATE else []

    def get(self, item: int, attribute: int) -> bytes:
        return {1: b"", 2: self.der}[item] if attribute == cryptoki.VALUE else b"\x01"


def test_a_reader_with_keys_of_its_own_asks_for_the_pin_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptoki, "Library", Tried)
    monkeypatch.setattr(Tried, "flags", Tried.flags | cryptoki.PIN_PAD)
    credential = load(K.PKCS11, b"/any/library.so", "", "CN=mail", b"")
    assert credential.key == PKCS11Key("pkcs11:token=mail;id=%01;type=private", "", "/any/library.so")


class Hidden(Tried):
    """A library that shows what is in a token to its owner only."""

    @contextmanager
    def session(self, token: cryptoki.Token, pin: str = "") -> Iterator[cryptoki.Session]:
        self.tries.append((token.names["token"], pin))
        yield OneCertificate(leaf().der if pin else b"")


def test_a_certificate_that_only_its_owner_sees_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptoki, "Library", Hidden)
    Hidden.tries.clear()
    with pytest.raises(CredentialsUnusable, match="no private key with the same id"):  # it has none
        load(K.PKCS11, b"pkcs11:token=mail?module-path=/any/library.so", PIN, "alice", b"")
    assert Hidden.tries == [(b"mail", ""), (b"mail", PIN), (b"mail", PIN)]
    Hidden.tries.clear()
    with pytest.raises(CertificateNotFound):  # nobody says which of the tokens the PIN belongs to
        load(K.PKCS11, b"/any/library.so", PIN, "alice", b"")
    assert not any(pin for _, pin in Hidden.tries)


def test_a_token_that_went_away_is_error_271(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptoki, "Library", Tried)
    saved = b"pkcs11:token=gone;id=%01\n" + leaf().pem
    with pytest.raises(CertificateStoreUnreadable, match="no token has the token 'gone'; there is 'mail', 'other'"):
        load(K.PKCS11, saved, PIN, "*", b"")


def test_keys_of_other_kinds_are_not_sought_by_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptoki, "Library", Tried)
    with pytest.raises(CredentialsUnusable, match="no private key in the PKCS#11 token belongs to"):
        load(K.PKCS11, b"/any/library.so", PIN, "", leaf("ed25519").der)


def test_a_wrong_pin_is_tried_once_and_at_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """SoftHSM locks no PIN, but real tokens do, after as few as three tries."""
    monkeypatch.setattr(cryptoki, "Library", Tried)
    for subject in ("CN=mail", "CN=nobody"):
        Tried.tries.clear()
        with pytest.raises((CertificateStoreUnreadable, CertificateNotFound)):
            load(K.PKCS11, b"/any/library.so", "9999", subject, b"")
        assert Tried.tries == ([(b"mail", "9999")] if subject == "CN=mail" else [])


@pytest.mark.parametrize(
    ("store", "words"),
    [
        (b"pkcs11:token=mail?pin-source=file:/pin", "pin-source is not read"),
        (b"pkcs11:slot-id=3", "what is read of it is id, manufacturer, model, object, serial, token, type"),
        (b"pkcs11:token", "'token'"),
        (b"pkcs11:token=x?what=ever", "what is read of it is module-name, module-path, pin-value"),
        (b"\x7fELF\x02\x01", "ssl_cert_store is a URI"),
        (b"/no/such/library.so", "it can't be loaded"),
        (b"\n", "ssl_cert_store is a URI"),
    ],
)
def test_stores_that_are_no_address_say_what_one_is(store: bytes, words: str) -> None:
    with pytest.raises(CertificateStoreUnreadable) as caught:
        load(K.PKCS11, store, PIN, "*", b"")
    assert words in caught.value.detail


def test_addresses_survive_odd_names() -> None:
    names = {"token": "möbel; 100% ?".encode(), "serial": b""}
    uri = pkcs11uri.key_uri(names, b"\x00\xff", b"unused")
    assert uri == "pkcs11:token=m%C3%B6bel%3B%20100%25%20%3F;id=%00%FF;type=private"
    assert pkcs11uri.parse(uri.encode(), "pin").wanted == {
        "token": names["token"],
        "id": b"\x00\xff",
        "type": b"private",
    }
    assert pkcs11uri.key_uri({}, b"", b"a key") == "pkcs11:object=a%20key;type=private"
    saved = pkcs11uri.saved(PKCS11Key(uri, "secret", "/odd place/lib.so"), b"PEM")
    assert b"secret" not in saved
    assert pkcs11uri.parse(saved, "pin")[:2] == ("/odd place/lib.so", "pin")
    assert pkcs11uri.parse(saved, "pin").saved == b"PEM"
