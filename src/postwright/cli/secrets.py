"""Where the password comes from: never from the command line, and never onto the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.screen import is_terminal, write

if TYPE_CHECKING:
    import argparse

VARIABLE = "POSTWRIGHT_PASSWORD"
PROXY_VARIABLE = "POSTWRIGHT_PROXY_PASSWORD"
CERTIFICATE_VARIABLE = "POSTWRIGHT_CERT_PASSWORD"
_OTHERS = 0o077


def password(args: argparse.Namespace, host: str, what: str = "password") -> str:
    """Return the password, from the place that the arguments name.

    Args:
        args: The arguments; they name a user.
        host: The server, for the keyring and the prompt.
        what: What it is, for the prompt.

    Raises:
        Problem: It is not there.
    """
    if (variable := _first(args.password_env, args.token_env)) is not None:
        return _from_variable(variable)
    if (command := _first(args.password_command, args.token_command)) is not None:
        return _from_command(command)
    if args.password_file is not None:
        return _from_file(args.password_file)
    if args.password_keyring:
        return _from_keyring(host, args.user)
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    return _from_terminal(host, args.user, what, _PLACES[what])


_PLACES = {
    "password": f"--password-env, --password-command, --password-file, --password-keyring or ${VARIABLE}",
    "token": "--token-env or --token-command",
    "proxy's password": f"--proxy-password-env, --proxy-password-command or ${PROXY_VARIABLE}",
}


def _first(*places: str | None) -> str | None:
    return next((place for place in places if place is not None), None)


def proxy_password(args: argparse.Namespace, user: str, host: str) -> str:
    """Return the password of the proxy's user.

    Raises:
        Problem: It is not there.
    """
    if args.proxy_password_env is not None:
        return _from_variable(args.proxy_password_env)
    if args.proxy_password_command is not None:
        return _from_command(args.proxy_password_command)
    if PROXY_VARIABLE in os.environ:
        return os.environ[PROXY_VARIABLE]
    what = "proxy's password"
    return _from_terminal(host, user, what, _PLACES[what])


def certificate_password(args: argparse.Namespace) -> str:
    """Return the password of the client certificate's file, "" where there is none.

    Raises:
        Problem: The variable that was named is not there.
    """
    if args.cert_password_env is not None:
        return _from_variable(args.cert_password_env)
    return os.environ.get(CERTIFICATE_VARIABLE, "")


def asked_for(args: argparse.Namespace) -> bool:
    """Whether the arguments name a place for a password or token."""
    places = (args.password_env, args.password_command, args.password_file, args.token_env, args.token_command)
    return args.password_keyring or any(place is not None for place in places)


def _from_variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise Problem(f"there is no environment variable {name} to take the password from", Exit.CONFIG)
    return value


def _from_command(command: str) -> str:
    # The shell runs it, as in msmtp's passwordeval: the user wrote it, and pipes and ~ are wanted. It must not eat the
    # text of the mail from standard input.
    stdin = None if is_terminal(sys.stdin) else subprocess.DEVNULL
    done = subprocess.run(command, shell=True, stdin=stdin, stdout=subprocess.PIPE, check=False)  # noqa: S602 - as above
    if done.returncode:
        raise Problem(f"the password command ended with status {done.returncode}; nothing was sent", Exit.CONFIG)
    return _first_line(done.stdout, "the password command printed nothing")


def _from_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except OSError as error:
        raise Problem(f"the password file {path} can't be read: {error.strerror}", Exit.NO_INPUT) from None
    if os.name == "posix" and mode & _OTHERS:
        write(sys.stderr, f"postwright: other users may read {path}; chmod 600 keeps it private\n")
    return _first_line(data, f"the password file {path} is empty")


def _first_line(data: bytes, empty: str) -> str:
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line:
        raise Problem(f"{empty}; nothing was sent", Exit.CONFIG)
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Problem("the password is not UTF-8; nothing was sent", Exit.CONFIG) from None


def _from_keyring(host: str, user: str) -> str:
    service = f"postwright:{host}"
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise Problem("--password-keyring needs: pip install 'postwright[keyring]'", Exit.CONFIG) from None
    try:
        found = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise Problem(f"the keyring can't be read: {error}", Exit.CONFIG) from None
    if found is None:
        raise Problem(
            f"the keyring has no password for {user} at {host}; this puts one in: keyring set {service} {user}",
            Exit.CONFIG,
        )
    return str(found)


def _from_terminal(host: str, user: str, what: str, places: str) -> str:
    import getpass

    if not _has_terminal():
        raise Problem(f"there is no {what} for {user}, and no terminal to ask for it: use {places}", Exit.USAGE)
    try:
        return getpass.getpass(f"{what.capitalize()} for {user} at {host}: ")
    except EOFError:
        raise Problem(f"no {what} was given; nothing was sent", Exit.USAGE) from None


def _has_terminal() -> bool:
    """Whether getpass can ask without showing what is typed: it needs the terminal itself, or standard input on one."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return is_terminal(sys.stdin) and is_terminal(sys.stderr)
    return True
