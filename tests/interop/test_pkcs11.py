"""Log in to Postfix with keys that stay in a token (SoftHSM): RSA and EC, from threads and from tasks at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.servers import missing

if TYPE_CHECKING:
    from tests.interop.servers import Postfix

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
ROOT = Path(__file__).parents[2]
PIN = "1234"

# A PKCS#11 library keeps its state as long as its process lives, so this runs in one of its own.
PROGRAM = """
import asyncio, json, os, sys
from concurrent.futures import ThreadPoolExecutor
from postwright import SMTP, AsyncSMTP, SMTPError

order = json.load(sys.stdin)

def made(kind):
    smtp = kind(mail_server="localhost", mail_port=order["port"], ssl_start_mode=2, ssl_provider=order["provider"])
    smtp.from_, smtp.send_to, smtp.subject = "alice@example.test", "x@capture.test", order["subject"]
    smtp.settings.open_ssl_ca_file, smtp.settings.use_ipv6 = order["root"], 0
    smtp.settings.ssl_enabled_protocols = order["protocols"]
    smtp.settings.ssl_ca_certs = order["chain"]
    smtp.ssl_cert_store_type, smtp.ssl_cert_store = 23, order["store"]
    smtp.ssl_cert_store_password, smtp.ssl_cert_encoded = order["pin"], order["certificate"].encode()
    return smtp

def once(_):
    with made(SMTP) as smtp:
        return smtp.send().reply.code

async def task():
    async with made(AsyncSMTP) as smtp:
        return (await smtp.send()).reply.code

async def tasks():
    return await asyncio.gather(*(task() for _ in range(6)))

try:
    with ThreadPoolExecutor(4) as pool:
        said = [list(pool.map(once, range(8))), asyncio.run(tasks())]
except SMTPError as error:
    said = str(error)
print(json.dumps(said), flush=True)
os._exit(0)  # SoftHSM and OpenSSL's engine don't get along at the end of a process
"""


class Token:
    """A SoftHSM of its own with the keys of clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "SOFTHSM2_CONF": str(folder / "softhsm2.conf"),
            "PYTHONPATH": str(ROOT / "src"),
        }

    def run(self, *words: str | Path) -> None:
        subprocess.run([str(word) for word in words], env=self.environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def token(postfix: Postfix, tmp_path_factory: pytest.TempPathFactory) -> Token:
    if not LIBRARY.exists() or not list(Path("/usr/lib").glob("*/engines-3/pkcs11.so")):
        missing("softhsm2 and libengine-pkcs11-openssl are not installed")
    made = Token(tmp_path_factory.mktemp("token"))
    (made.folder / "tokens").mkdir()
    (made.folder / "softhsm2.conf").write_text(f"directories.tokendir = {made.folder / 'tokens'}\n", encoding="ascii")
    made.run("softhsm2-util", "--init-token", "--free", "--label", "mail", "--pin", PIN, "--so-pin", "12345678")
    for number, name in enumerate(("client", "client-ec"), 1):
        key = made.folder / f"{name}.pem"
        made.run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", postfix.ca.path(f"{name}.key"), "-out", key)
        where = ("--token", "mail", "--pin", PIN, "--label", name, "--id", f"0{number}")
        made.run("softhsm2-util", "--import", key, *where)
    return made


def sent(postfix: Postfix, token: Token, name: str, **more: Any) -> Any:
    """What became of the mails of threads and of tasks, or the error of one."""
    order = {
        "port": postfix.require_certificate,
        "provider": 0,
        "subject": "from a token",
        "root": str(postfix.ca.root),
        "chain": postfix.ca.path("inter.crt").read_text(),
        "protocols": 15360,
        "store": f"pkcs11:token=mail;object={name}?module-path={LIBRARY}",
        "pin": PIN,
        "certificate": postfix.ca.path(f"{name}.crt").read_text(),
    }
    words = [sys.executable, "-c", PROGRAM]
    data = json.dumps(order | more)
    done = subprocess.run(words, input=data, env=token.environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("protocols", [3072, 12288])
@pytest.mark.parametrize("name", ["client", "client-ec"])
def test_keys_in_a_token_log_in_from_threads_and_tasks(
    postfix: Postfix, token: Token, name: str, protocols: int
) -> None:
    assert sent(postfix, token, name, protocols=protocols) == [[250] * 8, [250] * 6]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"provider": 2}, "set ssl_provider to 1 (PLATFORM)"),
        ({"pin": "4321"}, "PIN"),
        ({"store": f"pkcs11:token=other?module-path={LIBRARY}"}, "there is 'mail'"),
        ({"store": "pkcs11:token=mail?module-path=/nowhere.so"}, "/nowhere.so"),
    ],
)
def test_what_fails_is_271_that_says_what_to_do(
    postfix: Postfix, token: Token, more: dict[str, Any], words: str
) -> None:
    said = sent(postfix, token, "client", **more)
    assert said.startswith("[271]")
    assert words in said
    assert "4321" not in said
