"""What people see on a terminal, and what a pipe gets instead."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from instastream.terminal import Steps, show


def test_a_step_that_is_abandoned_is_shown_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        "instastream.terminal.Console", lambda **_: Console(file=screen, force_terminal=True)
    )
    with Steps() as steps:
        steps.report("kafka ready", 0, 1)
        steps.report("redis ready", 1, 1)
        steps.abandon()
        screen.truncate(0)
    assert "redis ready" in screen.getvalue()
    assert "kafka ready" not in screen.getvalue()


def test_lines_in_a_pipe_have_no_spaces_at_their_end(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("reader", "posts", title="Feeds", title_justify="left", caption="two in all")
    table.add_row("north", "wanderings.mp4")
    show(None, table, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Feeds"
    assert [line.rstrip() for line in lines] == lines


@pytest.mark.parametrize(("columns", "whole"), [(None, True), ("80", False)])
def test_nothing_is_cut_in_a_pipe_unless_its_reader_says_how_wide_it_is(
    columns: str | None,
    whole: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    table = Table("fault")
    table.add_row("kill-" * 30)
    show(None, table, as_json=False)
    assert ("kill-" * 30 in capsys.readouterr().out) is whole
