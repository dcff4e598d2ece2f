"""An OAuth 2 issuer on loopback: a token endpoint (RFC 6749) whose tokens are JWTs (RFC 7519, RS256) that Dovecot checks."""

import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://issuer.example.test"
CLIENT = ("the-client", "client-secret")


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


@dataclass
class Issuer:
    """Signs tokens, and gives them to those who have the client's secret or a refresh token."""

    key: rsa.RSAPrivateKey
    address: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    refresh_tokens: dict[str, str] = field(default_factory=lambda: {"refresh-alice": "alice"})
    lifetime: int = 3600
    rotate: bool = False
    """Whether each refresh token can be used once, and is followed by another one."""
    nonsense: bytes = b""
    """What the endpoint says in place of an answer."""
    kind: str = "application/json"
    status: int = 0
    """The status in place of the right one."""
    error: str = ""
    """The error code with which it refuses everybody."""
    silent: threading.Event = field(default_factory=threading.Event)
    """Whether it takes requests and does not answer."""

    @classmethod
    def with_key(cls, path: Path) -> "Issuer":
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(key)

    def token(self, user: str, *, lifetime: int = 3600) -> str:
        """A token for a user; one with a negative lifetime has expired."""
        now = int(time.time())
        claims = {"sub": user, "iss": ISSUER, "iat": now - 10, "nbf": now - 10, "exp": now + lifetime, "scope": "smtp"}
        head = {"alg": "RS256", "typ": "JWT", "kid": "test"}
        signed = ".".join(_url64(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_url64(signature)}"

    def answer(self, form: dict[str, str], client: tuple[str, str]) -> tuple[int, dict[str, Any]]:
        """What the token endpoint says (RFC 6749 sections 4.4, 6 and 5.2)."""
        self.asked.append(form)
        if self.error:
            return 400, {"error": self.error, "error_description": "as it was told to"}
        if client != CLIENT:
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "client_credentials":
            user = form.get("scope", "")
        elif form.get("grant_type") == "refresh_token":
            user = self.refresh_tokens.get(form.get("refresh_token", ""), "")
        else:
            return 400, {"error": "unsupported_grant_type"}
        more = {}
        if self.rotate and user and "refresh_token" in form:
            more["refresh_token"] = form["refresh_token"] + "-1"
            self.refresh_tokens[more["refresh_token"]] = self.refresh_tokens.pop(form["refresh_token"])
        if not user:
            return 400, {"error": "invalid_grant", "error_description": "nobody knows this refresh token"}
        token = self.token(user, lifetime=self.lifetime)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime} | more

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator["Issuer"]:
        """Have the token endpoint at ``address`` for a while."""
        issuer = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
                form = {name: values[0] for name, values in parse_qs(body).items()}
                _, _, basic = self.headers.get("Authorization", "").partition(" ")
                name, _, secret = base64.b64decode(basic).decode("utf-8").partition(":")
                status, answer = issuer.answer(
                    form, (name, secret) if basic else (form.get("client_id", ""), form.get("client_secret", ""))
                )
                while issuer.silent.is_set():
                    time.sleep(0.01)
                data = issuer.nonsense or json.dumps(answer).encode()
                self.send_response(issuer.status or status)
                self.send_header("Content-Type", issuer.kind)
                if 300 <= issuer.status < 400:
                    self.send_header("Location", issuer.address + "/elsewhere")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # who asked may have hung up, or not like the certificate
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
            if tls is not None:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="issuer", daemon=True)
            thread.start()
            self.address = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/token"
            try:
                yield self
            finally:
                self.silent.clear()
                server.shutdown()
                thread.join()
