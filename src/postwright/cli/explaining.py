"""An error as a paragraph: what failed, the server's words, what became of the mail, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright import errors
from postwright.enums import Outcome

if TYPE_CHECKING:
    from postwright.errors import SMTPError

# What the library's texts call its properties and settings, and the option that sets them here.
_OPTIONS = (
    ("set ssl_start_mode=1", "use --tls implicit"),
    ("set ssl_start_mode=2 (STARTTLS)", "use --tls starttls"),
    ("set ssl_start_mode=3 (none) or 4 (opportunistic)", "use --tls none or --tls opportunistic"),
    ("(ssl_start_mode)", "(--tls starttls)"),
    ("set AllowCleartextAuth=True", "add --allow-cleartext-auth"),
    ("AuthMechanism", "--auth"),
    (
        "the name on the certificate as mail_server, or set TLSServerName",
        "the name on the certificate, or --server-name",
    ),
    ("set ssl_accept_server_cert_encoded to it, or SSLServerCACerts", "give it to --insecure-accept-cert or --ca-file"),
    ("to SSLServerCACerts or OpenSSLCAFile", "with --ca-file"),
    ("the one set in ssl_accept_server_cert_encoded", "the one given with --insecure-accept-cert"),
    ("give one with ssl_cert_store_type, ssl_cert_store and ssl_cert_subject", "give one with --cert"),
    ("give the certificate as ssl_cert_encoded", "put the certificate into the same file"),
    ("set ssl_cert_store_password", "give --cert-password-env"),
    ("ssl_cert_store_password", "--cert-password-env"),
    ("ssl_cert_subject", "--cert-subject"),
    ("ssl_cert_store_type", "--cert-type"),
    ("ProxyExceptionsList", "--no-proxy"),
    ("firewall_type 2 or 10", "--proxy socks4: or socks4a:"),
    ("firewall_type 3", "--proxy socks5:"),
    ("firewall_type 1", "--proxy http:"),
    ("set firewall_user and firewall_password", "name a user in --proxy"),
    ("is firewall_type=", "is the kind in --proxy right, "),
    ("set TLSServerName", "give --server-name"),
)

_FATES = {
    Outcome.NOT_SENT: "Nothing was sent.",
    Outcome.UNKNOWN: "The server may or may not have taken the mail",
    Outcome.SENT: "The mail itself was sent.",
}

_ADVICE: dict[type[SMTPError], str] = {
    errors.CertificateRejected: (
        "If the certificate is for another name, give --server-name NAME; for an authority of your own, --ca-file FILE."
    ),
    errors.LoginRefused: "Check the user and the password.",
    errors.SenderRefused: "Check --from and --return-path: many servers take only the address that belongs to the login.",
    errors.FirewallError: "Check --proxy, the user and password for it, and whether it may reach the server.",
    errors.InactivityTimeout: "Check the server's name and port, or allow more time with --timeout.",
    errors.OperationTimeout: "Allow more time with --timeout.",
}
_NETWORK = {
    10061: "Check the port: nothing answers there.",
    11001: "Check the server's name.",
    11004: "Check the server's name.",
}


def explain(error: SMTPError, message_id: str = "") -> str:
    """Return the paragraph.

    Args:
        error: What went wrong.
        message_id: The Message-ID of the mail, for looking it up.
    """
    what = in_options(error.message).rstrip(". ") + "."
    return " ".join(filter(None, [what, fate(error.outcome, message_id), advice(error)]))


def in_options(text: str) -> str:
    """Return a text of the library with the options of this program in place of properties and settings."""
    for theirs, ours in _OPTIONS:
        text = text.replace(theirs, ours)
    return text


def fate(outcome: Outcome, message_id: str = "") -> str:
    """Say what became of the mail."""
    if outcome is not Outcome.UNKNOWN:
        return _FATES[outcome]
    named = f" (Message-ID {message_id})" if message_id else ""
    return (
        f"{_FATES[outcome]}{named}: ask a recipient or look into the server's log before you send it again, "
        "or it may arrive twice."
    )


def advice(error: SMTPError) -> str:
    """Say what to do, where there is something."""
    if error.outcome is not Outcome.NOT_SENT:
        return ""
    if error.reply is not None and error.reply.is_transient:
        return "Try again later."
    if isinstance(error, errors.RecipientsRefused):
        several = len(error.recipients) > 1 and "no recipient is left" not in error.detail
        return "Correct the address, or add --keep-going to send to the others." if several else "Check the address."
    if isinstance(error, errors.NetworkError):
        return _NETWORK.get(error.code, "Try again later." if error.is_transient else "")
    return next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "")
