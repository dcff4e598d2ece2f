"""What the tests of logins share: which mechanisms, and how a login went."""

from collections.abc import Callable
from typing import Any

import pytest

from postwright import AuthMechanism, errors
from tests.interop import servers
from tests.interop.both import Client

Make = Callable[..., Client]

PASSWORDS = [
    AuthMechanism.USER_PASSWORD,
    AuthMechanism.CRAM_MD5,
    AuthMechanism.SASL_PLAIN,
    AuthMechanism.SASL_DIGEST_MD5,
    AuthMechanism.LOGIN,
    AuthMechanism.SCRAM_SHA_1,
    AuthMechanism.SCRAM_SHA_256,
]
TOKENS = [AuthMechanism.XOAUTH2, AuthMechanism.OAUTHBEARER]


def used(client: Client) -> str:
    """Log in, and return the mechanism that was used."""
    events: list[Any] = []
    client.on_pi_trail = events.append
    client.connect()
    assert client.last_reply.startswith("235 ")
    client.disconnect()
    name: str = next(event.message.split()[1] for event in events if event.message.startswith("AUTH "))
    return name


def refused(client: Client) -> errors.LoginRefused:
    """Try to log in, and return how it was refused."""
    with pytest.raises(errors.LoginRefused) as caught:
        client.connect()
    assert not client.connected
    return caught.value


def needs(extra: str, *modules: str) -> None:
    """Skip (or fail) where an optional library is not installed."""
    for module in modules:
        try:
            __import__(module)
        except ImportError:
            servers.missing(f"{module} is not installed (pip install 'postwright[{extra}]')")
