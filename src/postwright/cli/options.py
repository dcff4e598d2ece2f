"""The options, in groups; each command takes those it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.cli import texts, values, way
from postwright.cli.groups import Group, Refused
from postwright.enums import AuthMechanism, SSLCertStoreType, SSLStartMode

if TYPE_CHECKING:
    import argparse

__all__ = ["Group", "Refused"]

TLS_MODES = {
    "auto": SSLStartMode.AUTOMATIC,
    "implicit": SSLStartMode.IMPLICIT,
    "starttls": SSLStartMode.EXPLICIT,
    "none": SSLStartMode.NONE,
    "opportunistic": SSLStartMode.OPPORTUNISTIC,
}
LOGINS = {
    "auto": AuthMechanism.USER_PASSWORD,
    **{
        mechanism.name.removeprefix("SASL_").replace("_", "-").lower(): mechanism
        for mechanism in AuthMechanism
        if mechanism not in {AuthMechanism.USER_PASSWORD, AuthMechanism.APOP}  # APOP is for POP3
    },
    "gssapi": AuthMechanism.KERBEROS,
}
TOKENS = {AuthMechanism.XOAUTH2, AuthMechanism.OAUTHBEARER}
"""Those that take a token in place of a password."""
WITHOUT_SECRET = {AuthMechanism.KERBEROS, AuthMechanism.EXTERNAL}
"""Those that take a ticket or the client certificate."""
STORES = {
    "auto": SSLCertStoreType.AUTO,
    "pem": SSLCertStoreType.PEM_KEY_FILE,
    "pfx": SSLCertStoreType.PFX_FILE,
    "p12": SSLCertStoreType.PFX_FILE,
    "jks": SSLCertStoreType.JKS_FILE,
    "pkcs11": SSLCertStoreType.PKCS11,
}


def people(group: Group) -> None:
    """Who writes to whom."""
    group.add(
        "-f --from",
        "the author, and the envelope's sender; default: the user, where that is an address",
        dest="sender",
        metavar="ADDRESS",
    )
    many: dict[str, Any] = {"action": "append", "metavar": "ADDRESS", "default": []}
    group.add(
        "-t --to",
        "recipients; commas separate several, and it can be given again",
        also="--mail-rcpt --rcpt-to",
        **many,
    )
    group.add("--cc", "recipients of a copy", **many)
    group.add("--bcc", "recipients whom nobody sees", **many)
    group.add("--reply-to", "where answers go", metavar="ADDRESS", default="")
    group.add(
        "--return-path",
        "where bounces go, in place of --from; <> for nowhere",
        also="--mail-from --envelope-from",
        metavar="ADDRESS",
        default="",
    )


def content(group: Group) -> None:
    """What is written."""
    group.add("-S --subject", "the subject", metavar="TEXT")
    group.add(
        "--text",
        "the text; @FILE reads it from a file, - from standard input (@@ is a plain @)",
        also="--body --text-body",
        metavar="TEXT",
    )
    group.add(
        "--html", "the text as HTML: the HTML itself, a file's name, or -", also="--html-body", metavar="FILE|TEXT"
    )
    group.add(
        "-a --attach",
        "attach a file; FILE;type=application/pdf;name=report.pdf says more, and it can be given again",
        also="--attachment",
        type=values.attachment,
        action="append",
        default=[],
        metavar="FILE",
    )
    group.add(
        "-H --header",
        "one more header, as 'Name: value'; it can be given again",
        also="--add-header",
        type=values.header,
        action="append",
        default=[],
        metavar="HEADER",
    )
    group.add(
        "-T --raw",
        "send a finished message as it is, from a file or -; recipients default to its headers",
        also="--upload-file --data",
        metavar="FILE",
    )


def server(made: argparse.ArgumentParser) -> None:
    """Where the server is, and how to log in there."""
    group = Group(made, "server")
    group.add(
        "-s --server",
        "the mail server; smtp:// and smtps:// URLs work too",
        also="--host --url",
        type=values.server,
        metavar="HOST[:PORT]",
    )
    group.add(
        "-p --port",
        "its port; default: 465 with --tls implicit, else 587 with --user, else 25",
        type=values.port,
        metavar="PORT",
    )
    mode = group.one_of()
    group.add("--tls", texts.TLS, within=mode, choices=TLS_MODES, metavar="MODE")
    for names, value, doc in texts.TLS_SHORTCUTS:
        shown, _, also = names.partition(" ")
        group.add(shown, doc, also=also, within=mode, dest="tls", action="store_const", const=value)
    _certificates(group)
    _line(group)
    way.options(Group(made, "way to the server"))
    _login(Group(made, "login", texts.LOGIN))


def _certificates(group: Group) -> None:
    group.add("--ca-file", "trust these certificate authorities (PEM) too", metavar="FILE")
    group.add("--server-name", "the name that must be in the server's certificate; default: the server", metavar="NAME")
    group.add(
        "--insecure-accept-cert",
        "accept exactly this certificate (PEM or DER), whatever is wrong with it",
        metavar="FILE",
    )
    group.add(
        "--cert",
        "show this certificate of ours, when the server asks for one; the key is in the same file",
        also="--tls-cert --tls-cert-file",
        metavar="FILE",
    )
    group.add(
        "--cert-type",
        f"what that file is: {', '.join(STORES)}; default: auto, which looks into it",
        choices=STORES,
        type=str.lower,
        default="auto",
        metavar="TYPE",
    )
    group.add(
        "--cert-password-env",
        "the password of that file is in this environment variable; default: POSTWRIGHT_CERT_PASSWORD",
        metavar="VAR",
    )
    group.add("--cert-subject", "which certificate of that file; default: the first one with a key", metavar="TEXT")
    group.refuse("--cert-password --tls-cert-password", texts.CERT_NOT_HERE)


def _line(group: Group) -> None:
    group.add(
        "--hello", "the name to say hello with; default: this host's", also="--ehlo --helo --domain", metavar="NAME"
    )
    group.add(
        "--timeout",
        "seconds of silence before giving up; default: 60",
        type=values.seconds,
        metavar="SECONDS",
    )
    group.add(
        "--config",
        "any other setting, such as MaxHeaderLength=100; it can be given again",
        action="append",
        default=[],
        metavar="NAME=VALUE",
    )


def _login(group: Group) -> None:
    group.add("-u --user", "log in as this user", also="-au --auth-user", metavar="USER")
    _secret(group)
    group.add(
        "--auth",
        f"how: {', '.join(LOGINS)}; auto takes the strongest that is offered",
        choices=LOGINS,
        type=str.lower,
        default="auto",
        metavar="HOW",
    )
    group.add(
        "--allow-cleartext-auth",
        "log in although the line is not encrypted: everyone on the way reads the password",
        action="store_true",
    )
    group.refuse("--password --pass --passwd --auth-password -ap", texts.NOT_HERE)
    group.refuse("--token --oauth2-bearer", texts.TOKEN_NOT_HERE)


def _secret(group: Group) -> None:
    source = group.one_of()
    group.add(
        "--password-env",
        "the password is in this environment variable; default: POSTWRIGHT_PASSWORD",
        within=source,
        metavar="VAR",
    )
    group.add(
        "--password-command",
        "the password is the first line that this command prints",
        also="--passwordeval",
        within=source,
        metavar="CMD",
    )
    group.add("--password-file", "the password is the first line of this file", within=source, metavar="FILE")
    group.add(
        "--password-keyring",
        "the password is in the system's keyring, as postwright:HOST and the user",
        within=source,
        action="store_true",
    )
    group.add(
        "--token-env",
        "the OAuth token is in this environment variable, for --auth xoauth2 and oauthbearer",
        within=source,
        metavar="VAR",
    )
    group.add(
        "--token-command",
        "the OAuth token is the first line that this command prints",
        within=source,
        metavar="CMD",
    )


def delivery(group: Group) -> None:
    """What may go wrong, and what the server is asked for."""
    refusals = group.one_of()
    group.add(
        "--keep-going",
        "send to the others when a recipient is refused, and exit with 1; default: a refused To or Cc stops the mail",
        within=refusals,
        action="store_true",
    )
    group.add(
        "--strict-recipients", "any refused recipient stops the mail, a Bcc too", within=refusals, action="store_true"
    )
    group.add(
        "--dsn",
        "ask for delivery reports: never, or some of success,failure,delay",
        also="--notify",
        type=values.notify,
        metavar="WHEN",
    )
    group.add(
        "--dsn-return",
        "what a report brings back: full or headers",
        choices=("full", "headers"),
        type=str.lower,
        metavar="WHAT",
    )
    group.add("--envelope-id", "an identifier that reports bring back", metavar="ID")
    group.add("--no-pipelining", "wait for each answer before the next command", action="store_true")
    group.add("--no-chunking", "send with DATA where BDAT is offered too", action="store_true")


def output(group: Group, trail: dict[str, Any]) -> None:
    """What is shown; ``trail`` completes --transcript."""
    group.add("-v --verbose", "show the dialogue on standard error; passwords are masked", action="store_true")
    group.add("--transcript", "write the dialogue to a file; - is standard error", metavar="FILE", **trail)
    group.add("--json", "give the result as one JSON object on standard output", action="store_true")
    group.add("-q --quiet", "say only what went wrong", also="--silent", action="store_true")
