"""The generated reference is what the source says now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs import generate_reference as generate

if TYPE_CHECKING:
    from pathlib import Path


def test_the_pages_are_fresh() -> None:
    assert generate.stale() == [], "run `make docs`"


def test_a_page_that_is_out_of_date_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DIRECTORY", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "settings.md" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "settings.md").write_text("old")
    assert generate.main(["--check"]) == 1


def test_bars_and_line_ends_stay_in_their_cell() -> None:
    assert generate.table(["a", "b"], [["x|y", "1\n2"]]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 2 |"


def test_sections_of_docstrings_become_lists() -> None:
    def method() -> None:
        """Do it.

        Args:
            name: What it is called,
                in two lines.
        """

    assert generate.docstring(method) == "Do it.\n\n**Arguments**\n\n- `name`: What it is called,\n  in two lines."


@pytest.mark.parametrize("name", ["properties.md", "settings.md", "events.md", "errors.md", "enums.md"])
def test_every_page_has_one_title(name: str) -> None:
    lines = generate.pages()[name].splitlines()
    assert [line for line in lines if line.startswith("# ")] == [lines[0]]
