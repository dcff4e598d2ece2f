"""OAuth 2 tokens for a login (RFC 6749): sources that fetch one, keep it, and renew it when it is refused or too old.

A source is given in place of the token, and may be shared by many clients::

    from postwright.tokens import RefreshToken

    smtp.auth_mechanism = AuthMechanism.XOAUTH2
    smtp.settings.authorization_identity = RefreshToken("google", client_id, client_secret, refresh_token)

They need Authlib: ``pip install 'postwright[oauth]'``. Nothing else of postwright loads this package.
"""

from __future__ import annotations

from postwright.tokens.issuers import ISSUERS
from postwright.tokens.sources import ClientCredentials, RefreshToken

__all__ = ["ISSUERS", "ClientCredentials", "RefreshToken"]
