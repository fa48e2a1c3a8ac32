"""What a run shows while it goes on."""

import io

import pytest
from rich.console import Console

from instastream.load.reporting.live import LiveView, Progress
from tests.unit.load.runs import HOSTILE, measured_minute, report_of

RUN = report_of(measured_minute())
CONTROLS = "\x1b[2J\x07[red]"


def progress(at_s: float, **problems: int) -> Progress:
    tick = RUN.ticks[min(int(at_s), len(RUN.ticks) - 1)]
    return Progress(
        at_s=at_s,
        lasts_s=60,
        planned_per_s=50,
        tick=tick,
        by_kind=RUN.by_kind,
        all=RUN.all,
        problems=RUN.problems | problems,
    )


def shown(console: Console, *steps: Progress) -> str:
    with LiveView("mixed-social", console) as view:
        for step in steps:
            view.show(step)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def terminal() -> Console:
    environ = {"TERM": "xterm"}
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=40, _environ=environ)


def test_a_terminal_shows_every_operation_its_losses_and_what_is_behind() -> None:
    screen = shown(terminal(), progress(30))
    for word in ("mixed-social", "0:30 / 1:00", "read_feed", "unstarted", "429 too-many", "media"):
        assert word in screen


def test_elsewhere_there_is_a_line_every_ten_seconds() -> None:
    pipe = Console(file=io.StringIO(), width=80)
    lines = shown(pipe, *(progress(at_s + 0.3) for at_s in range(31))).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["0:10", "0:20", "0:30"]
    assert " of 40 ok/s, p50 " in lines[0]
    assert "unstarted" in lines[0]
    assert "events behind" in lines[0]


def test_by_itself_it_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveView("smoke") as view:
        view.show(progress(10))
    said = capsys.readouterr()
    assert said.out == ""
    assert "0:10 of 1:00" in said.err


def test_what_a_server_said_moves_no_cursor_and_is_no_markup() -> None:
    screen = shown(terminal(), progress(30, **{CONTROLS: 1_000, HOSTILE: 2}))
    assert "\x1b[2J" not in screen
    assert "\x07" not in screen
    assert "[red]" in screen
