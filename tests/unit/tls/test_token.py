"""A key in a token logs in by the Platform provider: RSA and EC, in both versions of TLS, from several threads."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from postwright.enums import SSLProvider
from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import token
from postwright.tls.credentials import Credential, PKCS11Key
from tests.interop.servers import missing
from tests.unit.tls import pki
from tests.unit.tls.rig import PROVIDERS, connect

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
ROOT = Path(__file__).parents[3]
KEY = PKCS11Key("pkcs11:token=mail;object=client;type=private", "1234", str(LIBRARY))

# A PKCS#11 library keeps its state as long as its process lives, so this runs in one of its own.
SCRIPT = """
import os, ssl, sys
from concurrent.futures import ThreadPoolExecutor
from cryptography import x509
from postwright.errors import SMTPError
from postwright.tls.credentials import Credential, PKCS11Key
from tests.unit.tls import pki
from tests.unit.tls.rig import PROVIDERS, TLS_12, TLS_13, StandardServer, connect, exchange, shake

folder, module, pin, label = sys.argv[1:5]
cert = x509.load_pem_x509_certificate(open(f"{folder}/{label}.pem", "rb").read())
der = cert.public_bytes(pki.Encoding.DER)
own = Credential(der, (), PKCS11Key(f"pkcs11:token=mail;object={label};type=private", pin, module))

def demand(context):
    context.load_verify_locations(f"{folder}/root.pem")
    context.verify_mode = ssl.CERT_REQUIRED

def once(number):
    values = {"credential": own, "protocols": (TLS_12, TLS_13)[number % 2], "ca_pem": open(f"{folder}/root.pem").read()}
    server = StandardServer(pki.party("good"), demand)
    client = connect(PROVIDERS[0], **values)
    shake(client, server, decide=lambda verdict: True)
    exchange(client, server)
    return server.client() == der

try:
    with ThreadPoolExecutor(4) as pool:
        said = str(list(pool.map(once, range(16))) == [True] * 16)
except SMTPError as error:
    said = str(error)
sys.stdout.write(said)
sys.stdout.flush()
os._exit(0)  # SoftHSM and OpenSSL's engine don't get along at the end of a process
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not LIBRARY.exists() or not list(Path("/usr/lib").glob("*/engines-3/pkcs11.so")):
        missing("softhsm2 and libengine-pkcs11-openssl are not installed")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n", encoding="ascii")
    hsm(folder, "--init-token", "--free", "--label", "mail", "--pin", "1234", "--so-pin", "12345678")
    for number, kind in enumerate(("client", "rsa-client"), 1):
        who = pki.party(kind)
        (folder / "key.pem").write_bytes(who.key_pem)
        where = ("--token", "mail", "--pin", "1234", "--label", kind, "--id", f"0{number}")
        hsm(folder, "--import", str(folder / "key.pem"), *where)
        (folder / f"{kind}.pem").write_text(who.pem)
    (folder / "root.pem").write_text(pki.root().pem + pki.intermediate().pem)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {
        "SOFTHSM2_CONF": str(folder / "softhsm2.conf"),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }


def hsm(folder: Path, *words: str) -> None:
    subprocess.run(["softhsm2-util", *words], env=environment(folder), check=True, capture_output=True)


def ask(folder: Path, label: str, pin: str = "1234", module: str = str(LIBRARY)) -> str:
    words = [sys.executable, "-c", SCRIPT, str(folder), module, pin, label]
    done = subprocess.run(words, env=environment(folder), check=False, capture_output=True, text=True, cwd=ROOT)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize("label", ["client", "rsa-client"])
def test_a_key_in_a_token_logs_in_from_several_threads(place: Path, label: str) -> None:
    assert ask(place, label) == "True"


def test_a_key_that_the_token_does_not_give(place: Path) -> None:
    (place / "other.pem").write_text(pki.party("client").pem)
    said = ask(place, "other")
    assert "[273]" in said
    assert "object=other" in said
    assert "1234" not in said


def test_a_key_of_another_certificate(place: Path) -> None:
    (place / "swapped").mkdir()
    (place / "swapped" / "client.pem").write_text(pki.party("rsa-client").pem)
    (place / "swapped" / "root.pem").write_text(pki.root().pem)
    (place / "swapped" / "softhsm2.conf").write_text((place / "softhsm2.conf").read_text())
    assert "does not belong to the client certificate" in ask(place / "swapped", "client")


def test_internal_says_that_it_has_no_way_to_a_token() -> None:
    own = Credential(pki.party("client").der, (), KEY)
    with pytest.raises(CertificateStoreUnreadable, match=r"\[271\].*set ssl_provider to 1 \(PLATFORM\), or take a key"):
        connect(PROVIDERS[1], credential=own)
    with pytest.raises(CertificateStoreUnreadable, match=r"because of TLS12SupportedGroups.*and leave that out"):
        connect(SSLProvider.AUTOMATIC, credential=own, groups_12="ecdhe_secp384r1")


class NoEngine:
    """An OpenSSL without an engine for tokens."""

    def __init__(self, started: bool = True) -> None:
        self.started = started

    def OPENSSL_init_crypto(self, *_: object) -> int:
        return 1

    def ENGINE_by_id(self, _: bytes) -> int:
        return 0

    def ERR_clear_error(self) -> None:
        """Nothing to forget."""


def test_without_the_engine_it_says_what_to_install() -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"\[271\].*libengine-pkcs11-openssl"):
        token._engine(NoEngine(), "/lib.so")  # type: ignore[arg-type]


def test_an_engine_takes_one_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token, "_engines", {"/a.so": 7})
    assert token._engine(NoEngine(), "/a.so") == 7  # type: ignore[arg-type]
    with pytest.raises(CertificateStoreUnreadable, match=r"/a\.so already in this process, and can't use /b\.so"):
        token._engine(NoEngine(), "/b.so")  # type: ignore[arg-type]


def test_an_openssl_without_engines_or_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"no engines: .*ENGINE_of_tomorrow"):
        token._library("libcrypto.so", {"ENGINE_of_tomorrow": (ctypes.c_int, ())})
    with pytest.raises(CertificateStoreUnreadable, match="no shared library"):
        token._library("libnothing.so", {})
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(CertificateStoreUnreadable, match="on Linux only"):
        token._library("libcrypto.so", {})


def test_the_wrong_openssl_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        """Another library, which would read another structure."""

        def SSL_CTX_get_options(self, _: object) -> int:
            return 1

    monkeypatch.setattr(token, "_library", lambda name, _: Wrong())
    with pytest.raises(CertificateStoreUnreadable, match="can't be reached"):
        connect(PROVIDERS[0], credential=Credential(pki.party("client").der, (), KEY))
    assert issubclass(CredentialsUnusable, Exception)
