"""What a terminal shows of reports and violations."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from instastream.load.checks.violations import Violation
from instastream.load.into_topics.pouring import Poured
from instastream.load.into_topics.replaying import Replayed
from instastream.load.over_http.finding import Knee, Step
from instastream.load.reporting.tables import (
    knee_table,
    replayed_table,
    report_tables,
    violations_table,
)
from tests.unit.load.runs import measured_minute, report_of

MARKUP = "\x1b[2J[/nothing] [red]"


def printed(*tables: Table, width: int = 80) -> str:
    screen = io.StringIO()
    Console(file=screen, width=width).print(*tables)
    return screen.getvalue()


def test_a_check_that_found_nothing_says_so() -> None:
    assert printed(violations_table([])).strip() == "All was right"


def test_what_was_wrong_is_shown_with_its_evidence() -> None:
    evidence = {"letter": {"message": MARKUP}, "seen": ["p", 1, True, None]}
    violation = Violation("dead-letter", "An event was given up.", evidence)
    screen = printed(violations_table([violation]), width=200)
    for shown in ("dead-letter", violation.said, "[/nothing] [red]", '["p",1,true,null]'):
        assert shown in screen


def test_a_knee_that_was_not_reached_is_told_as_that() -> None:
    step = Step(10.0, 10.0, 0, {"all.p99<50ms": 5.0}, [])
    assert "no limit" in printed(knee_table(Knee(10.0, [step], found=False)))
    assert "no limit" not in printed(knee_table(Knee(10.0, [step], found=True)))


def test_a_replay_says_what_the_recording_lacks() -> None:
    replayed = Replayed(poured=Poured(count=5), passed=1_111, missing=2_222)
    headings, _, row = printed(replayed_table(replayed)).strip().splitlines()
    assert headings.split()[-3:] == ["no", "event", "missing"]
    assert row.split()[-2:] == ["1,111", "2,222"]


def test_what_was_answered_instead_is_no_markup() -> None:
    report = report_of(measured_minute(), problems={MARKUP: 3}, violations=None)
    screen = printed(*report_tables(report))
    assert "[/nothing] [red]" in screen
    assert "\x1b" not in screen


@pytest.mark.parametrize("kind", ["all", "like", "post", "read_feed"])
def test_a_report_tells_every_operation_within_80_columns(kind: str) -> None:
    lines = printed(*report_tables(report_of(measured_minute()))).splitlines()
    [line] = [line for line in lines if line.lstrip().startswith(kind)]
    assert "\N{HORIZONTAL ELLIPSIS}" not in line
