"""What many rounds came to, by fault: for machines and for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from msgspec import Struct
from rich.table import Column, Table

from tests.nemesis.playing import Outcome

SEEN_SHOWN = 3


class Told(Struct, frozen=True, kw_only=True):
    """All rounds of one fault."""

    fault: str
    runs: int
    violations: int
    recovery_s: float  # the median of those that recovered, 0 where none did
    recovery_s_max: float
    operations: int
    ok: int
    failed: int
    unknown: int
    unstarted: int
    seen: dict[str, int]


def told(outcomes: Iterable[Outcome]) -> list[Told]:
    """In the order of the schedule."""
    by_fault: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_fault.setdefault(one.round.name, []).append(one)
    return [_told(fault, of) for fault, of in by_fault.items()]


def _told(fault: str, outcomes: Sequence[Outcome]) -> Told:
    recoveries = [one.recovery_s for one in outcomes if one.recovery_s is not None]
    loads = [one.load for one in outcomes if one.load]
    seen: Counter[str] = Counter()
    for one in outcomes:
        seen.update(one.seen)
    return Told(
        fault=fault,
        runs=len(outcomes),
        violations=sum(len(one.violations) for one in outcomes),
        recovery_s=median(recoveries) if recoveries else 0.0,
        recovery_s_max=max(recoveries, default=0.0),
        operations=sum(load.count for load in loads),
        ok=sum(load.ok for load in loads),
        failed=sum(load.failed for load in loads),
        unknown=sum(load.unknown for load in loads),
        unstarted=sum(load.unstarted for load in loads),
        seen=dict(seen.most_common()),
    )


def faults_table(all_: Sequence[Told]) -> Table:
    """Shares are of all operations that were due."""
    table = Table(Column("fault", overflow="fold"), title="Faults", title_justify="left")
    for heading in ("runs", "violations", "recovery s", "most", "ok", "refused", "unknown"):
        table.add_column(heading, justify="right")
    table.add_column("what clients saw")
    for one in all_:
        shares = (_percent(n, one.operations) for n in (one.ok, one.failed, one.unknown))
        times = (f"{one.recovery_s:.1f}", f"{one.recovery_s_max:.1f}")
        table.add_row(one.fault, str(one.runs), str(one.violations), *times, *shares, _saw(one))
    violations = sum(one.violations for one in all_)
    table.caption = f"{sum(one.runs for one in all_)} rounds, {violations} violations"
    return table


def violations_table(outcomes: Sequence[Outcome]) -> Table:
    """Each rule that was broken in a round, with how to look at it."""
    table = Table("fault", "seed", "rule", Column("times", justify="right"), title_justify="left")
    table.add_column("first", overflow="fold")
    table.title = "Violations"
    for one in outcomes:
        for rule, times in Counter(each.rule for each in one.violations).items():
            first = next(each for each in one.violations if each.rule == rule)
            row = (one.round.name, str(one.round.seed), rule, str(times))
            table.add_row(*row, f"{first.said} {first.evidence}"[:500])
    return table


def markdown(all_: Sequence[Told]) -> Iterator[str]:
    """The lines of a table for a document, each with the command that makes it again."""
    yield "| fault | runs | violations | recovery s, most | ok | else | again |"
    yield "|---|---|---|---|---|---|---|"
    for one in all_:
        times = f"{one.recovery_s:.1f}, {one.recovery_s_max:.1f}"
        cells = (one.fault, one.runs, one.violations, times, _percent(one.ok, one.operations))
        again = f'`make nemesis ARGS="--only {one.fault}"`'
        yield f"| {' | '.join(map(str, cells))} | {_saw(one)} | {again} |"


def _percent(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else ""


def _saw(one: Told) -> str:
    first = list(one.seen.items())[:SEEN_SHOWN]
    return ", ".join(f"{problem} x {times}" for problem, times in first)
