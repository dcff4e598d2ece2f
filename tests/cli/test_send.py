"""What is sent: every option about people and content has its effect on the mail that arrives."""

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.server import Server


def test_a_mail_arrives_and_the_server_s_words_are_shown(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "-S", "Grüße", "--text", "Wie geht's?\n.\nBis bald")
    assert done.code == 0
    assert "sent to 1 recipient: 250 2.0.0 Ok: queued as TEST0001" in done.out
    (mail,) = server.mails
    assert mail.message["Message-ID"] in done.out
    assert mail.message["Subject"] == "Grüße"
    assert mail.message["From"] == "me@example.org"
    assert mail.message["To"] == "you@example.org"
    assert mail.message.get_content() == "Wie geht's?\n.\nBis bald\n"
    assert mail.sender.startswith("MAIL FROM:<me@example.org>")
    assert done.err == ""


def test_people(run: Program, server: Server) -> None:
    arguments = [
        *("send", "--server", server.address, "--tls=none", "--text", "x"),
        *("--from", "Zoë <me@example.org>", "--to", "Ann <a@example.org>, b@example.org", "-t", "c@example.org"),
        *("--cc", "d@example.org", "--bcc", "ed@example.org", "--bcc", "f@example.org"),
        *("--reply-to", "answers@example.org", "--return-path", "bounces@example.org"),
    ]
    assert run(*arguments).code == 0
    (mail,) = server.mails
    assert [r.split("<")[1][0] for r in mail.recipients] == list("abcdef")
    assert mail.sender.startswith("MAIL FROM:<bounces@example.org>")
    assert mail.message["From"] == "Zoë <me@example.org>"
    assert mail.message["To"] == "Ann <a@example.org>, b@example.org, c@example.org"
    assert mail.message["Cc"] == "d@example.org"
    assert mail.message["Bcc"] is None
    assert b"ed@example.org" not in mail.content
    assert mail.message["Reply-To"] == "answers@example.org"


def test_bounces_can_go_nowhere(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--text", "x", "--mail-from", "<>").code == 0
    assert server.mails[0].sender.startswith("MAIL FROM:<>")


def test_bcc_alone_is_enough(run: Program, server: Server) -> None:
    done = run(
        "send", "-s", server.address, "--no-tls", "-f", "me@example.org", "--bcc", "b@example.org", "--text", "x"
    )
    assert done.code == 0
    assert server.mails[0].recipients == ["RCPT TO:<b@example.org>"]


def test_headers_of_one_s_own(run: Program, server: Server, plain: list[str]) -> None:
    headers = ["--header", "Subject: mine", "-H", "X-Tag:  blue ", "--header", "Message-ID: <1@example.org>"]
    done = run(*plain, "--text", "x", *headers)
    message = server.mails[0].message
    assert message["Subject"] == "mine"
    assert message["X-Tag"] == "blue"
    assert message["Message-ID"] == "<1@example.org>"
    assert "<1@example.org>" in done.out


@pytest.mark.parametrize("option", ["--text", "--body"])
def test_text_from_a_file(run: Program, server: Server, plain: list[str], tmp_path: Path, option: str) -> None:
    path = tmp_path / "text"
    path.write_bytes("\ufeffäöü".encode())
    assert run(*plain, option, f"@{path}").code == 0
    assert server.mails[0].message.get_content().strip() == "äöü"


def test_a_text_may_begin_with_an_at(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--text", "@@home").code == 0
    assert server.mails[0].message.get_content().strip() == "@home"


@pytest.mark.parametrize("more", [[], ["--text", "-"]])
def test_text_from_standard_input(run: Program, server: Server, plain: list[str], more: list[str]) -> None:
    assert run(*plain, *more, stdin="näher\r\n..\n".encode()).code == 0
    assert server.mails[0].message.get_content() == "näher\n..\n"


def test_a_pipe_of_the_shell(process: Program, server: Server, plain: list[str]) -> None:
    assert process(*plain, stdin="naïve\n".encode(), env={"LC_ALL": "C", "PYTHONUTF8": "0"}).code == 0
    assert server.mails[0].message.get_content() == "naïve\n"


def test_text_that_is_not_utf8_is_not_guessed_at(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, stdin=b"ab\xe4")
    assert done.code == 65
    assert "standard input is not UTF-8 (octet 3)" in done.words
    assert server.connections == 0


@pytest.mark.parametrize("how", ["text", "file", "at"])
def test_html(run: Program, server: Server, plain: list[str], tmp_path: Path, how: str) -> None:
    html = "<p>Grüße</p>"
    path = tmp_path / "page.html"
    path.write_text(html, "utf-8")
    value = {"text": html, "file": str(path), "at": f"@{path}"}[how]
    assert run(*plain, "--text", "plain", "--html", value).code == 0
    message = server.mails[0].message
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content().strip() for part in message.iter_parts()] == ["plain", html]


def test_html_alone_does_not_wait_for_a_text(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--html", "<b>x</b>", stdin=b"not this").code == 0
    assert server.mails[0].message.get_content_type() == "text/html"


def test_attachments_arrive_to_the_last_octet(run: Program, server: Server, plain: list[str], tmp_path: Path) -> None:
    data = bytes(range(256)) * 2000
    first, second = tmp_path / "März;1.bin", tmp_path / "b.csv"
    first.write_bytes(data)
    second.write_bytes(b"1;2\n")
    options = ["--attach", str(first), "-a", f"{second};name=zwei ö.pdf;type=application/pdf"]
    assert run(*plain, "--text", "See.", *options).code == 0
    one, two = server.mails[0].message.iter_attachments()
    assert one.get_filename() == "März;1.bin"
    assert hashlib.sha256(one.get_content()).digest() == hashlib.sha256(data).digest()
    assert (two.get_filename(), two.get_content_type(), two.get_content()) == (
        "zwei ö.pdf",
        "application/pdf",
        b"1;2\n",
    )


def test_an_attachment_from_standard_input(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--attach", "-;name=log.bin;type=application/x-log", stdin=b"\0\1").code == 0
    (part,) = server.mails[0].message.iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == (
        "log.bin",
        "application/x-log",
        b"\0\1",
    )


def test_standard_input_is_read_once(run: Program, plain: list[str]) -> None:
    done = run(*plain, "--text", "-", "--attach", "-;name=x")
    assert done.code == 64
    assert "only one thing can be read from standard input" in done.words


RAW = b"From: Me <me@example.org>\r\nTo: a@example.org\r\nBcc: b@example.org\r\nX-Odd:   kept as is\r\n\r\n.dot\r\n"


@pytest.mark.parametrize("option", ["--raw", "-T", "--upload-file"])
def test_a_finished_message(run: Program, server: Server, tmp_path: Path, option: str) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(RAW)
    assert run("send", "-s", server.address, "--tls", "none", option, str(path)).code == 0
    (mail,) = server.mails
    assert mail.sender.startswith("MAIL FROM:<me@example.org>")
    assert mail.recipients == ["RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]
    assert b"X-Odd:   kept as is\r\n" in mail.content
    assert b"b@example.org" not in mail.content
    assert mail.content.endswith(b"\r\n\r\n.dot\r\n")


def test_a_finished_message_with_an_envelope_of_its_own(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--raw", "-", "--return-path", "list@example.org", stdin=RAW).code == 0
    (mail,) = server.mails
    assert mail.sender.startswith("MAIL FROM:<list@example.org>")
    assert mail.recipients == ["RCPT TO:<you@example.org>"]


@pytest.mark.parametrize("option", ["--subject=x", "--text=x", "--html=<p>", "--header=A: b", "--reply-to=a@b"])
def test_a_finished_message_is_not_changed(run: Program, server: Server, plain: list[str], option: str) -> None:
    done = run(*plain, "--raw", "-", option, stdin=RAW)
    assert done.code == 64
    assert option.split("=", maxsplit=1)[0] in done.words
    assert server.connections == 0


def test_delivery_reports(run: Program, server: Server, plain: list[str]) -> None:
    server.extensions = ("DSN",)
    wishes = ["--dsn", "success,delay", "--dsn-return", "headers", "--envelope-id", "no 7"]
    assert run(*plain, "--text", "x", *wishes).code == 0
    assert run(*plain, "--raw", "-", "--dsn", "never", stdin=RAW).code == 0
    first, second = server.mails
    assert first.sender == "MAIL FROM:<me@example.org> RET=HDRS ENVID=no+207"
    assert first.recipients == ["RCPT TO:<you@example.org> NOTIFY=SUCCESS,DELAY"]
    assert second.recipients == ["RCPT TO:<you@example.org> NOTIFY=NEVER"]


def test_delivery_reports_that_the_server_can_t_give(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "--text", "x", "--dsn", "success")
    assert done.code == 69
    assert server.mails == []


def test_pipelining_and_chunking_can_be_left_out(run: Program, server: Server, plain: list[str]) -> None:
    server.extensions = ("PIPELINING", "CHUNKING")
    assert run(*plain, "--text", "x").code == 0
    assert server.said("BDAT")
    server.commands.clear()
    assert run(*plain, "--text", "x", "--no-chunking", "--no-pipelining").code == 0
    assert not server.said("BDAT")
    assert server.said("DATA")


def test_no_pipelining_waits_for_each_answer(run: Program, server: Server, plain: list[str]) -> None:
    server.extensions = ("PIPELINING",)
    server.replies["MAIL"] = "550 5.7.1 not you"
    assert run(*plain, "--text", "x").code == 69
    assert server.said("RCPT")
    server.commands.clear()
    assert run(*plain, "--text", "x", "--no-pipelining").code == 69
    assert not server.said("RCPT")


def test_a_dry_run_opens_no_connection(run: Program, server: Server, plain: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 5000)
    more = ["--bcc", "h@example.org", "-S", "Look", "--text", "x", "-a", str(tmp_path / "a.bin"), "-u", "me"]
    done = run(*plain, *more, "--dry-run")
    assert done.code == 0
    assert server.connections == 0
    lines = done.out.splitlines()
    assert "envelope from: <me@example.org>" in lines
    assert "envelope to:   <h@example.org> (Bcc)" in lines
    assert "Subject: Look" in lines
    assert not any(line.startswith("Bcc") for line in lines)
    size = next(int(line.split()[1]) for line in lines if line.startswith("size:"))
    assert size > 5000 * 4 // 3
    told = run(*plain, *more, "--dry-run", "--json").json
    assert told["envelope"]["to"][1] == {"address": "h@example.org", "type": "bcc", "options": {}}
    assert told["size"] == size
    assert told["dry_run"] is True
    assert run(*plain, *more, "--no-progress", "--password-env", "PATH", "--allow-cleartext-auth").code != 0
    assert server.connections == 1


def test_a_dry_run_needs_no_server_and_sees_missing_files(run: Program) -> None:
    arguments = ["send", "--dry-run", "-f", "a@example.org", "-t", "b@example.org", "--text", "x"]
    assert run(*arguments).code == 0
    done = run(*arguments, "--attach", "/nowhere/x.pdf")
    assert done.code == 66
    assert "/nowhere/x.pdf" in done.words


def test_the_user_is_the_author_where_it_is_an_address(run: Program) -> None:
    done = run("send", "--dry-run", "-u", "me@example.org", "-t", "b@example.org", "--text", "x")
    assert "envelope from: <me@example.org>" in done.out
    done = run("send", "--dry-run", "-u", "me", "-t", "b@example.org", "--text", "x")
    assert done.code == 64
    assert "give --from ADDRESS" in done.words


def test_a_value_may_begin_with_a_dash(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "-S", "-5 degrees", "--text", "- one\n- two").code == 0
    assert server.mails[0].message["Subject"] == "-5 degrees"
    assert run(*plain, "-S", "-5", "--text", "x").code == 0
    assert server.mails[1].message["Subject"] == "-5"


def test_a_dry_run_of_a_finished_message(run: Program) -> None:
    done = run("send", "--dry-run", "--raw", "-", stdin=RAW)
    assert done.code == 0
    assert "envelope to:   <b@example.org>" in done.out
    assert "X-Odd:   kept as is" in done.out.splitlines()


def test_somebody_must_receive_it(run: Program, server: Server) -> None:
    done = run("send", "-s", server.address, "-f", "me@example.org", "--text", "x")
    assert done.code == 64
    assert "give --to ADDRESS" in done.words


def test_standard_input_that_is_closed(process: Program, plain: list[str]) -> None:
    code = "import sys; sys.stdin.close(); from postwright.cli import main; sys.exit(main())"
    done = process(*plain, "--text", "-", code=code)
    assert done.code == 66
    assert "standard input is closed" in done.words
    assert process(*plain, code=code).code == 64
