"""Sources of tokens: each fetches one when it is asked and has none that is fresh.

The requests are Authlib's (RFC 6749 sections 4.4 and 6). Logins ask a source one at a time, see ``session.login``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from postwright.errors import CommunicationError, LoginRefused, NotAvailable
from postwright.tokens.issuers import issuer
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable

LEEWAY = 60
"""Seconds before its end at which a token counts as too old: a login takes a while."""

TIMEOUT = 30.0
"""Seconds to wait for the issuer."""


class Source:
    """What the sources have in common; calling one gives a token.

    Args:
        name: "google", "microsoft", or the address of a token endpoint.
        client_id: The program's name at the issuer.
        client_secret: Its secret; empty for a public client.
        scope: What the token must allow; empty takes what an issuer that is known by name needs.
        tenant: The tenant, for Microsoft.
    """

    blocking = True
    """A login with asyncio asks in a thread."""

    def __init__(self, name: str, client_id: str, client_secret: str, *, scope: str = "", tenant: str = "") -> None:
        self._issuer = issuer(name, tenant)
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._token: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client_id} from {self._issuer.endpoint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds secrets, so it can't be pickled")

    def __call__(self) -> str:
        """Return a token: the one at hand, or a new one.

        Raises:
            LoginRefused: The issuer refuses.
            CommunicationError: The issuer can't be reached, or makes no sense.
            NotAvailable: Authlib is missing.
        """
        token = self._token
        if token is None or token.is_expired(leeway=LEEWAY):
            token = self._token = self._fetch()
        return str(token["access_token"])

    def forget(self, token: str) -> None:
        """Drop a token that a server refused; a newer one stays."""
        if self._token is not None and self._token["access_token"] == token:
            self._token = None

    def _fetch(self) -> Any:
        try:
            client = import_module("authlib.integrations.requests_client")
            base = import_module("authlib.integrations.base_client")
        except ImportError:
            raise NotAvailable("tokens need Authlib: pip install 'postwright[oauth]'") from None
        try:
            with client.OAuth2Session(self._client_id, self._client_secret or None) as session:
                token = self._ask(session)
        except base.OAuthError as error:
            said = f"{error.error}: {error.description}" if error.description else f"{error.error}"
            raise LoginRefused(f"{self._issuer.endpoint} gives no token: {printable(said)[:500]}") from None
        except (OSError, ValueError) as error:  # of requests: no connection, no TLS, no JSON
            raise CommunicationError(f"{self._issuer.endpoint} gives no token: {type(error).__name__}") from None
        if not (isinstance(token.get("access_token"), str) and token["access_token"]):
            raise CommunicationError(f"{self._issuer.endpoint} answered without a token")
        return token

    def _ask(self, session: Any) -> Any:
        raise NotAvailable(f"{type(session).__name__}: this is the common part of the sources")


class ClientCredentials(Source):
    """Tokens for a program that acts for itself (RFC 6749 section 4.4)."""

    def _ask(self, session: Any) -> Any:
        return session.fetch_token(
            self._issuer.endpoint,
            grant_type="client_credentials",
            scope=self._scope or self._issuer.application_scope,
            timeout=TIMEOUT,
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

    def _ask(self, session: Any) -> Any:
        scope = self._scope or self._issuer.user_scope
        token = session.refresh_token(
            self._issuer.endpoint,
            refresh_token=self._refresh_token,
            timeout=TIMEOUT,
            **({"scope": scope} if scope else {}),
        )
        changed = token.get("refresh_token")
        if isinstance(changed, str) and changed and changed != self._refresh_token:
            self._refresh_token = changed
            if self._renewed is not None:
                self._renewed(changed)
        return token
