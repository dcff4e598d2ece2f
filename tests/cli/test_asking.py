"""verify and expand."""

from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.server import Server


@pytest.fixture
def start(server: Server) -> list[str]:
    return ["-s", server.address, "--tls", "none"]


def test_verify_over_one_connection(run: Program, server: Server, start: list[str]) -> None:
    server.replies = {
        "VRFY a@": "250 2.1.5 Ann <a@example.org>",
        "VRFY b@": "550 5.1.1 Nobody",
        "VRFY c@": "252 2.5.2 Perhaps",
    }
    people = ["a@example.org", "b@example.org", "c@example.org"]
    done = run("verify", *start, *people)
    assert done.code == 67
    assert done.out.splitlines() == [
        "a@example.org: yes (250 2.1.5 Ann <a@example.org>)",
        "b@example.org: no (550 5.1.1 Nobody)",
        "c@example.org: the server won't say (252 2.5.2 Perhaps)",
    ]
    assert server.connections == 1
    assert len(server.said("QUIT")) == 1
    told = run("verify", *start, *people, "--json").json
    assert told["exit"] == 67
    assert [one["exists"] for one in told["addresses"]] == [True, False, None]
    assert told["addresses"][1]["reply"] == {"code": 550, "enhanced": "5.1.1", "text": "Nobody"}


@pytest.mark.parametrize(
    ("reply", "code", "exists"),
    [
        ("250 Ok", 0, True),
        ("553 no", 67, False),
        ("252 ?", 0, None),
        ("450 later", 75, None),
        ("502 no VRFY here", 69, None),
    ],
)
def test_verify_exit_codes(
    run: Program, server: Server, start: list[str], reply: str, code: int, exists: object
) -> None:
    server.replies["VRFY"] = reply
    done = run("verify", *start, "a@example.org", "--json")
    assert done.code == code
    assert done.json["addresses"][0]["exists"] is exists
    assert ("no (" in run("verify", *start, "a@example.org").out) is (exists is False)


def test_verify_ends_when_the_server_leaves(run: Program, server: Server, start: list[str]) -> None:
    server.replies["VRFY"] = "421 4.3.2 Bye"
    done = run("verify", *start, "a@example.org", "b@example.org")
    assert done.code == 75
    assert len(server.said("VRFY")) == 1


def test_expand(run: Program, server: Server, start: list[str], tmp_path: Path) -> None:
    server.replies["EXPN staff"] = "250-Ann <a@example.org>\r\n250 <b@example.org>"
    trail = tmp_path / "trail"
    done = run("expand", *start, "--transcript", str(trail), "staff")
    assert done.code == 0
    assert [line.split("<")[-1].strip(">") for line in done.out.splitlines()] == ["a@example.org", "b@example.org"]
    assert "-> EXPN staff" in trail.read_text()
    told = run("expand", *start, "staff", "--json").json
    assert told["list"] == "staff"
    assert len(told["members"]) == 2


def test_expand_is_refused(run: Program, server: Server, start: list[str]) -> None:
    server.replies["EXPN"] = "550 5.1.1 No such list"
    done = run("expand", *start, "staff", "--json")
    assert done.code == 67
    assert done.json == {
        "exit": 67,
        "list": "staff",
        "members": [],
        "reply": {"code": 550, "enhanced": "5.1.1", "text": "No such list"},
    }
    assert "550 5.1.1 No such list" in done.words


def test_both_need_a_server(run: Program) -> None:
    assert run("verify", "a@example.org").code == 64
    assert run("expand", "staff").code == 64


def test_expand_ends_when_the_server_leaves(run: Program, server: Server, start: list[str]) -> None:
    server.replies["EXPN"] = "421 4.3.2 Bye"
    done = run("expand", *start, "staff")
    assert done.code == 75
    assert "421 4.3.2 Bye" in done.words
