"""Two runs side by side: what is slower, and what can't be compared."""

import io

import msgspec
import pytest
from rich.console import Console

from instastream.load.reporting.comparing import Comparison, cells, compare, comparison_table
from instastream.load.reporting.reports import Report
from tests.unit.load.runs import measured_minute, report_of

NAMES = ("before.json", "after.json")


def compared(first: Report, second: Report) -> Comparison:
    return compare(first, second, names=NAMES)


def printed(comparison: Comparison) -> str:
    screen = io.StringIO()
    Console(file=screen, width=80).print(comparison_table(comparison))
    return screen.getvalue()


def test_twice_as_slow_is_a_ratio_of_two_and_worse() -> None:
    slow = compared(report_of(measured_minute()), report_of(measured_minute(slow=2.0)))
    assert [row.kind for row in slow.rows] == ["all", "like", "post", "read_feed"]
    for row in slow.rows:
        assert row.p50.ratio == pytest.approx(2, rel=0.01)
        assert row.ok_per_s.ratio == 1
        assert [verdict for _, _, verdict in cells(row)] == ["worse", "worse", "", ""]


def test_fewer_a_second_is_worse() -> None:
    run = report_of(measured_minute())
    row = compared(run, msgspec.structs.replace(run, took_s=run.took_s * 2)).rows[0]
    assert row.ok_per_s.ratio == 0.5
    assert [verdict for _, _, verdict in cells(row)] == ["", "", "worse", ""]


def test_a_run_is_like_itself() -> None:
    run = report_of(measured_minute())
    same = compared(run, run)
    assert same.unlike == []
    assert {verdict for row in same.rows for _, _, verdict in cells(row)} == {""}


def test_runs_of_two_things_say_what_they_differ_in() -> None:
    run = report_of(measured_minute())
    other = msgspec.structs.replace(run, scenario="soak", planned_per_s=90.0)
    unlike = compared(run, other)
    assert unlike.unlike == ["scenario: mixed-social and soak", "planned per s: 50 and 90"]
    assert "scenario: mixed-social and soak" in printed(unlike)


def test_an_operation_that_one_run_lacks_has_no_ratio() -> None:
    run = report_of(measured_minute())
    spreads = {kind: spread for kind, spread in run.by_kind.items() if kind != "post"}
    lacking = compared(run, msgspec.structs.replace(run, by_kind=spreads))
    row = next(row for row in lacking.rows if row.kind == "post")
    assert (row.p50.second, row.p50.ratio) == (None, None)
    assert "\N{EN DASH}" in printed(lacking)


def test_what_a_file_or_its_name_says_is_no_markup() -> None:
    run = report_of(measured_minute())
    odd = msgspec.structs.replace(run, target="\x1b[2J[red]")
    table = printed(compare(run, odd, names=("run[1].json", "[bold]")))
    for shown in ("run[1].json", "[bold]", "[red]"):
        assert shown in table
    assert "\x1b" not in table


def test_the_table_fits_a_terminal_and_the_json_is_read_again() -> None:
    comparison = compared(report_of(measured_minute()), report_of(measured_minute(slow=3.0)))
    lines = printed(comparison).splitlines()
    assert any("read_feed" in line and "3.00\N{MULTIPLICATION SIGN}" in line for line in lines)
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed(comparison)
    assert msgspec.json.decode(msgspec.json.encode(comparison), type=Comparison) == comparison
