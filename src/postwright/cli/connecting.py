"""From the server options to a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.cli import secrets, way
from postwright.cli.client import Client
from postwright.cli.exits import Exit
from postwright.cli.options import LOGINS, STORES, TLS_MODES, TOKENS, WITHOUT_SECRET
from postwright.cli.problems import Problem
from postwright.cli.reading import read_file
from postwright.enums import SSLStartMode
from postwright.errors import SMTPError

if TYPE_CHECKING:
    import argparse


def client_of(args: argparse.Namespace) -> Client:
    """Return a client for the server and with the settings that the arguments name; it has no password yet."""
    client = Client(user=args.user or "", auth_mechanism=LOGINS[args.auth], ssl_start_mode=SSLStartMode.AUTOMATIC)
    _server(args, client)
    settings = client.settings
    settings.allow_cleartext_auth = args.allow_cleartext_auth
    settings.open_ssl_ca_file = args.ca_file or ""
    if args.ca_file:
        read_file(args.ca_file)
    settings.tls_server_name = args.server_name or ""
    settings.hello = args.hello or ""
    if args.insecure_accept_cert:
        client.ssl_accept_server_cert_encoded = read_file(args.insecure_accept_cert)
    if args.timeout is not None:
        client.timeout = args.timeout
    _certificate(args, client)
    way.settle(args, client)
    for text in args.config:
        _configure(client, text)
    _login(args)
    return client


def _certificate(args: argparse.Namespace, client: Client) -> None:
    """Name the client certificate; it is read when the connection is made."""
    if not args.cert:
        if args.cert_subject or args.cert_password_env is not None:
            raise Problem("there is no certificate to show: give --cert FILE", Exit.USAGE)
        return
    if args.cert_type != "pkcs11" and not args.cert.startswith("pkcs11:"):
        read_file(args.cert)
    client.ssl_cert_store_type = STORES[args.cert_type]
    client.ssl_cert_store = args.cert.encode()
    client.ssl_cert_subject = args.cert_subject or "*"
    client.ssl_cert_store_password = secrets.certificate_password(args)


def _login(args: argparse.Namespace) -> None:
    token = args.token_env is not None or args.token_command is not None
    if token and LOGINS[args.auth] not in TOKENS:
        raise Problem("a token needs --auth xoauth2 or --auth oauthbearer", Exit.USAGE)
    if args.user is None and secrets.asked_for(args) and not (token and args.auth == "oauthbearer"):
        raise Problem("there is a password, but no user to log in as: give --user", Exit.USAGE)


def _server(args: argparse.Namespace, client: Client) -> None:
    server = args.server
    mode = TLS_MODES[args.tls] if args.tls else (server and server.tls) or SSLStartMode.AUTOMATIC
    client.ssl_start_mode = mode
    if server is not None:
        client.mail_server = server.host
    port = args.port or (server and server.port)
    if args.port and server and server.port and args.port != server.port:
        raise Problem(f"--server says port {server.port}, and --port says {args.port}", Exit.USAGE)
    client.mail_port = port or (465 if mode is SSLStartMode.IMPLICIT else 587 if args.user else 25)


def _configure(client: Client, text: str) -> None:
    name, equals, _ = text.partition("=")
    if not equals:
        raise Problem(f"--config takes NAME=VALUE, as in --config {name or 'MaxHeaderLength'}=100", Exit.CONFIG)
    try:
        client.config(text)
    except SMTPError as error:
        raise Problem(error.message, Exit.CONFIG) from None


def need_server(args: argparse.Namespace) -> None:
    """Make sure that there is a server to talk to.

    Raises:
        Problem: There is none.
    """
    if args.server is None:
        raise Problem("there is no server: give --server HOST[:PORT]", Exit.USAGE)


def unlock(args: argparse.Namespace, client: Client) -> None:
    """Give the client its password, where it has a user, and that of the proxy."""
    way.unlock(args, client)
    mechanism = LOGINS[args.auth]
    if secrets.asked_for(args) or (args.user and mechanism not in WITHOUT_SECRET):
        what = "token" if mechanism in TOKENS else "password"
        client.password = secrets.password(args, client.mail_server, what)
    elif args.auth != "auto" and mechanism not in WITHOUT_SECRET:
        raise Problem(f"--auth {args.auth} needs a user to log in as: give --user", Exit.USAGE)
