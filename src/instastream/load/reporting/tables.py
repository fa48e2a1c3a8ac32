"""Scenarios, reports and violations, in tables that fit 80 columns."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

import msgspec
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from instastream.load.checks.violations import Violation
from instastream.load.into_topics.pouring import Poured
from instastream.load.into_topics.recording import Recorded
from instastream.load.into_topics.replaying import Replayed
from instastream.load.over_http.finding import Knee
from instastream.load.reporting import units
from instastream.load.reporting.reports import Report, Spread
from instastream.load.scenario.scenarios import Scenario

VIOLATIONS_SHOWN = 20
EVIDENCE_LENGTH = 400
NOTHING: Mapping[str, int] = MappingProxyType({})


def scenarios_table(scenarios: Iterable[Scenario]) -> Table:
    """What comes with instastream."""
    table = Table("scenario", Column("users", justify="right"), title_justify="left")
    table.add_column("at most", justify="right")
    table.add_column("lasts", justify="right")
    table.add_column("what it is about")
    for one in scenarios:
        peak = f"{one.arrivals.peak:g}/s"
        table.add_row(one.name, str(one.users), peak, units.clock(one.duration_s), one.about)
    return table


def report_tables(report: Report) -> list[Table]:
    """How fast it was, what was answered instead, and what was wrong."""
    table = Table("operation", box=SIMPLE, pad_edge=False, title_justify="left")
    for heading in ("ok", "p50", "p99", "p99.9", "most", "failed", "unknown", "unstarted"):
        table.add_column(heading, justify="right")
    for kind, spread in (("all", report.all), *report.by_kind.items()):
        table.add_row(kind, *_cells(spread))
    table.title = f"{report.scenario}: milliseconds from when each operation was due"
    reached, planned = round(report.reached_per_s), round(report.planned_per_s)
    table.caption = f"{reached} ok of {planned} planned a second, for {report.took_s:.0f} s"
    tables = [table]
    if report.problems:
        answers = Table("answer", Column("times", justify="right"), title_justify="left")
        for problem, count in sorted(report.problems.items(), key=lambda one: -one[1]):
            answers.add_row(units.plain(problem), f"{count:,}")
        tables.append(answers)
    if report.violations is not None:
        tables.append(violations_table(report.violations, unchecked=report.unchecked))
    return tables


def knee_table(knee: Knee) -> Table:
    """Each rate, what was measured at it, and the highest at which every promise was kept."""
    table = Table("rate", box=SIMPLE, pad_edge=False, title_justify="left")
    table.add_column("ok/s", justify="right")
    for promise in knee.steps[0].ms if knee.steps else ():
        table.add_column(promise, justify="right")
    table.add_column("broken")
    for step in knee.steps:
        times = (units.ms(ms) for ms in step.ms.values())
        table.add_row(f"{step.rate:.1f}", f"{step.reached:.1f}", *times, ", ".join(step.broken))
    kept = f"All was kept up to {knee.rate:.1f} operations a second"
    table.title = kept if knee.found else f"{kept}; no limit was found until it ended"
    return table


def violations_table(violations: list[Violation], *, unchecked: Collection[str] = ()) -> Table:
    """What was wrong, and what shows it."""
    if not violations:
        right = "All that was checked was right" if unchecked else "All was right"
        return Table(right, box=None, pad_edge=False)
    table = Table("rule", Column("what was seen", overflow="fold"), title_justify="left")
    for one in violations[:VIOLATIONS_SHOWN]:
        evidence = msgspec.json.encode(one.evidence).decode()[:EVIDENCE_LENGTH]
        table.add_row(one.rule, Text(f"{one.said}\n") + units.plain(evidence))
    table.title = f"Promises that were broken: {len(violations)}"
    return table


def _cells(spread: Spread) -> list[str]:
    times = (spread.p50, spread.p99, spread.p999, spread.max)
    counts = (spread.failed, spread.unknown, spread.unstarted)
    return [f"{spread.ok:,}", *(f"{one:.1f}" for one in times), *(f"{one:,}" for one in counts)]


def poured_table(poured: Poured, more: Mapping[str, int] = NOTHING) -> Table:
    """What was appended, how fast, and more of it."""
    table = Table("events", box=SIMPLE, pad_edge=False)
    for heading in ("a second", "MB", "late", "most", *more):
        table.add_column(heading, justify="right")
    per_s = poured.count / poured.took_s if poured.took_s else 0.0
    megabytes = f"{poured.size_bytes / 1e6:.1f}"
    late = (f"{poured.late:,}", units.ms(poured.late_ms_max))
    others = (f"{one:,}" for one in more.values())
    table.add_row(f"{poured.count:,}", f"{per_s:,.0f}", megabytes, *late, *others)
    return table


def replayed_table(replayed: Replayed) -> Table:
    """What was appended, how fast, what of it is no event, and what the recording lacks."""
    more = {"no event": replayed.passed, "missing": replayed.missing}
    return poured_table(replayed.poured, more)


def recorded_table(recorded: Recorded) -> Table:
    """How much is in the file."""
    table = Table("records", "of", "MB", box=SIMPLE, pad_edge=False)
    megabytes = f"{recorded.size_bytes / 1e6:.1f}"
    table.add_row(f"{recorded.count:,}", f"{recorded.of:,}", megabytes)
    return table
