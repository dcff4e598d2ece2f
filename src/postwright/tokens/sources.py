"""Sources of tokens: each fetches one when it is asked and has none that is fresh.

The requests are Authlib's (RFC 6749 sections 4.4 and 6). Logins ask a source one at a time, see ``session.login``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from postwright.drive.crew import Guard
from postwright.errors import InvalidValue, NotAvailable
from postwright.tokens.explaining import nonsense, refusal, unreachable
from postwright.tokens.issuers import ISSUERS, issuer

if TYPE_CHECKING:
    from collections.abc import Callable

LEEWAY = 60
"""Seconds before its end at which a token counts as too old: a login takes a while."""

TIMEOUT = 30.0
"""Seconds to wait for the issuer."""

_CAREFULLY: dict[str, Any] = {
    "timeout": TIMEOUT,
    "allow_redirects": False,
}  # a redirect would take the secrets elsewhere


class Source:
    """What the sources have in common; calling one gives a token.

    Args:
        name: "google", "microsoft", or the address of a token endpoint.
        client_id: The program's name at the issuer.
        client_secret: Its secret; empty for a public client.
        scope: What the token must allow; empty takes what an issuer that is known by name needs.
        tenant: The tenant, for Microsoft.
    """

    waits_for = "the issuer of tokens"
    """A login calls it in a thread of its own, and can give it up."""

    def __init__(self, name: str, client_id: str, client_secret: str, *, scope: str = "", tenant: str = "") -> None:
        self._issuer = issuer(name, tenant)
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._token: Any = None
        self._turn = Guard()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client_id} from {self._issuer.endpoint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds secrets, so it can't be pickled")

    def __call__(self) -> str:
        """Return a token: the one at hand, or a new one. Threads that ask at once get the same.

        Raises:
            LoginRefused: The issuer refuses.
            CommunicationError: The issuer can't be reached, wants to be asked later, or makes no sense.
            NotAvailable: Authlib is missing.
        """
        with self._turn:
            token = self._token
            if token is None or token.is_expired(leeway=LEEWAY):
                token = self._token = self._fetch()
            self._keep(token)
            return str(token["access_token"])

    def forget(self, token: str) -> None:
        """Drop a token that a server refused; a newer one stays."""
        held = self._token  # without taking turns: who fetches may take long
        if held is not None and held["access_token"] == token:
            self._token = None

    def _fetch(self) -> Any:
        endpoint = self._issuer.endpoint
        try:
            client = import_module("authlib.integrations.requests_client")
            base = import_module("authlib.integrations.base_client")
        except ImportError:
            raise NotAvailable("tokens need Authlib: pip install 'postwright[oauth]'") from None
        answers: list[Any] = []
        try:
            with client.OAuth2Session(
                self._client_id,
                self._client_secret or None,
                token_endpoint_auth_method=self._issuer.authentication if self._client_secret else None,
            ) as session:
                session.hooks["response"].append(lambda response, **_: answers.append(response))
                token = self._ask(session)
        except base.OAuthError as error:
            error.__traceback__ = None  # its frames hold secrets
            raise refusal(endpoint, f"{error.error}", f"{error.description or ''}") from None
        except (OSError, ValueError, TypeError, AttributeError) as error:  # of requests and of Authlib
            error.__traceback__ = None
            raise (nonsense(endpoint, answers[-1]) if answers else unreachable(endpoint, error, TIMEOUT)) from None
        if not (isinstance(token.get("access_token"), str) and token["access_token"]):
            token = None
            raise nonsense(endpoint, answers[-1])
        return token

    def _ask(self, session: Any) -> Any:
        raise NotAvailable(f"{type(session).__name__}: this is the common part of the sources")

    def _keep(self, token: Any) -> None:
        """Take what else came with a token."""


class ClientCredentials(Source):
    """Tokens for a program that acts for itself (RFC 6749 section 4.4).

    Raises:
        InvalidValue: The issuer is known by name, and gives no such tokens.
    """

    def __init__(self, name: str, client_id: str, client_secret: str, *, scope: str = "", tenant: str = "") -> None:
        super().__init__(name, client_id, client_secret, scope=scope, tenant=tenant)
        if self._issuer in ISSUERS.values() and not self._issuer.application_scope:
            raise InvalidValue(
                f"{name} gives a program no token for its id and secret; use RefreshToken, "
                "or a function that gets one for a service account"
            )

    def _ask(self, session: Any) -> Any:
        return session.fetch_token(
            self._issuer.endpoint,
            grant_type="client_credentials",
            scope=self._scope or self._issuer.application_scope,
            **_CAREFULLY,
        )


class RefreshToken(Source):
    """Tokens for a program that a user allowed to act for them (RFC 6749 section 6).

    Args:
        name: "google", "microsoft", or the address of a token endpoint.
        client_id: The program's name at the issuer.
        client_secret: Its secret; empty for a public client.
        refresh_token: What the issuer gave when the user agreed.
        renewed: Called with each new refresh token, where an issuer changes it: keep that one from then on.
        scope: What the token must allow; empty takes what an issuer that is known by name needs.
        tenant: The tenant, for Microsoft.
    """

    def __init__(
        self,
        name: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        *,
        renewed: Callable[[str], object] | None = None,
        scope: str = "",
        tenant: str = "",
    ) -> None:
        super().__init__(name, client_id, client_secret, scope=scope, tenant=tenant)
        self._refresh_token = refresh_token
        self._renewed = renewed
        self._untold = ""

    def _ask(self, session: Any) -> Any:
        scope = self._scope or self._issuer.user_scope
        return session.refresh_token(
            self._issuer.endpoint,
            refresh_token=self._refresh_token,
            **_CAREFULLY,
            **({"scope": scope} if scope else {}),
        )

    def _keep(self, token: Any) -> None:
        changed = token.get("refresh_token")
        if isinstance(changed, str) and changed and changed != self._refresh_token:
            self._refresh_token = self._untold = changed
        if self._untold and self._renewed is not None:
            self._renewed(
                self._untold
            )  # when it fails it is called again, for the one before is worth nothing any more
        self._untold = ""
