"""The texts of the help."""

from __future__ import annotations

PROGRAM = """\
Send mail by SMTP. Whatever goes wrong, the last words say what became of the mail.

  echo "The disk is full" | postwright send -s mail.example.org -u me -f me@example.org -t you@example.org -S Disk
  postwright demo
"""

SEND_USAGE = "postwright send --server HOST[:PORT] --from ME --to YOU [options] [< text]"

SEND = """\
Send one mail. The text is --text, or comes from standard input.

The connection is encrypted, and the server's certificate verified, unless --tls says otherwise. The options of swaks,
msmtp and curl work too where they mean the same.
"""

SEND_EXAMPLES = """\
examples:
  a text from a pipe, the password from a password manager:
    uptime | postwright send -s mail.example.org -u me@example.org --password-command 'pass mail' -t you@example.org -S Load
  text, HTML and an attachment:
    postwright send -s mail.example.org:465 -u me@example.org -t you@example.org -S Report \\
        --text "See the file." --html report.html --attach report.pdf
  a finished message, with the dialogue on the screen:
    postwright send -v -s relay.example.org --from me@example.org --to you@example.org --raw message.eml
  look at it first:
    postwright send --dry-run -f me@example.org -t you@example.org -S Test --text Hello

exit codes: postwright --help lists them; 0 is sent, 1 is sent but not to everybody, 75 is "try again later"
"""

VERIFY = "Ask the server whether mailboxes exist. Many servers answer 252: they take the mail, but don't say."

EXPAND = "Ask the server who is on a mailing list. Most servers don't tell."

DEMO = """\
Start a mail server inside this process, send it a mail with an attachment over TLS, and show the dialogue, the progress,
what the server said of each recipient, and what arrived. Nothing leaves this machine, and nothing is left behind.
"""

TLS = """\
auto (default: STARTTLS on ports 25, 587 and 2525, else implicit), implicit, starttls (required), opportunistic, none"""

# Names (the first is shown, the others are what users of other programs type), mode, help
TLS_SHORTCUTS = (
    ("--tls-on-connect --tlsc --smtps", "implicit", "the same as --tls implicit"),
    ("--starttls -tls --ssl-reqd", "starttls", "the same as --tls starttls"),
    ("--no-tls", "none", "the same as --tls none"),
)

LOGIN = """\
A password is never taken from the command line, where every user of this machine could read it in the list of
processes, and where the shell would keep it in its history. Without one of these options it is taken from
$POSTWRIGHT_PASSWORD, or asked for on the terminal."""

_SEEN = "not taken from the command line: every user of this machine could read it in the list of processes. "

NOT_HERE = (
    f"a password is {_SEEN}Use --password-env VAR, --password-command CMD, --password-file FILE, --password-keyring or $POSTWRIGHT_PASSWORD, "
    "or leave it out to be asked for it"
)

TOKEN_NOT_HERE = f"a token is {_SEEN}Use --token-env VAR or --token-command CMD"

CERT_NOT_HERE = f"a password is {_SEEN}Use --cert-password-env VAR or $POSTWRIGHT_CERT_PASSWORD"

PROXY_NOT_HERE = (
    f"the proxy's password is {_SEEN}Name the user alone, as in --proxy socks5://USER@HOST:PORT, and use "
    "--proxy-password-env VAR, --proxy-password-command CMD or $POSTWRIGHT_PROXY_PASSWORD, or leave it out to be asked "
    "for it"
)

PROXY = """\
go through a proxy: socks5://USER@HOST:PORT, socks4:, socks4a: or http:; auto takes the system's (smtp_proxy, all_proxy)"""

PROBE = """\
Connect to a mail server as send would, and show what it is like: greeting, extensions, TLS, certificates, logins, and
what is wrong. No mail is sent, and without --user there is no login.

The exit code is 0 when all is well, and 1 when the server was reached and something is wrong. Every other code says
why nothing was learned, as for send.
"""
