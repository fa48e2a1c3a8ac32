"""Two runs side by side: how many times the first the second is."""

from collections.abc import Callable

from msgspec import Struct
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from instastream.load.reporting import units
from instastream.load.reporting.reports import Report, Spread

ALL = "all"
HEADINGS = ("p50 ms", "p99 ms", "ok/s", "not ok")
NOTABLE = 0.05  # what differs by less is given no colour


class Pair(Struct, frozen=True, kw_only=True):
    """The same of both; None where a run has none of it. `ratio` is the second to the first."""

    first: float | None
    second: float | None
    ratio: float | None


class Row(Struct, frozen=True, kw_only=True):
    """Of one operation: milliseconds, how many a second ended ok, and the share that did not."""

    kind: str
    p50: Pair
    p99: Pair
    ok_per_s: Pair
    lost_share: Pair


class Comparison(Struct, frozen=True, kw_only=True):
    """Every operation that either run has, and all; `unlike` names what the runs differ in."""

    first: str
    second: str
    unlike: list[str]
    rows: list[Row]


def compare(first: Report, second: Report, *, names: tuple[str, str]) -> Comparison:
    """`names` are what people call the two, as their files."""
    kinds = sorted(first.by_kind.keys() | second.by_kind.keys())
    spreads = [(kind, first.by_kind.get(kind), second.by_kind.get(kind)) for kind in kinds]
    took = (first.took_s, second.took_s)
    return Comparison(
        first=names[0],
        second=names[1],
        unlike=_unlike(first, second),
        rows=[_row(ALL, first.all, second.all, took), *(_row(*three, took) for three in spreads)],
    )


def comparison_table(comparison: Comparison) -> Table:
    """For a terminal of 80 columns: the first, the second, and the ratio; of ok/s this alone."""
    table = Table(box=SIMPLE, pad_edge=False, title_justify="left", caption_justify="left")
    table.add_column("operation", no_wrap=True)
    table.title = units.plain(f"{comparison.first} → {comparison.second}")
    table.caption = units.plain("; ".join(comparison.unlike))
    for heading in (HEADINGS[0], "", HEADINGS[1], "", *HEADINGS[2:]):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.rows:
        p50, p99, (_, *ok_per_s), (lost, _, _) = cells(row)
        table.add_row(units.plain(row.kind), *_styled(p50), *_styled(p99), _ratio(*ok_per_s), lost)
    return table


def cells(row: Row) -> list[tuple[str, str, str]]:
    """Under each of HEADINGS: both figures, the ratio, and `better`, `worse` or nothing."""
    return [
        _told(row.p50, worse_above=True),
        _told(row.p99, worse_above=True),
        _told(row.ok_per_s, worse_above=False),
        (_figures(row.lost_share, units.percent), "", ""),
    ]


def _told(pair: Pair, *, worse_above: bool) -> tuple[str, str, str]:
    verdict = ""
    if pair.ratio is not None and abs(pair.ratio - 1) > NOTABLE:
        verdict = "worse" if (pair.ratio > 1) == worse_above else "better"
    return _figures(pair, units.count), units.ratio(pair.ratio), verdict


def _figures(pair: Pair, text: Callable[[float], str]) -> str:
    both = (pair.first, pair.second)
    return " → ".join(units.NOTHING if one is None else text(one) for one in both)


def _styled(told: tuple[str, str, str]) -> tuple[str, Text]:
    figures, ratio, verdict = told
    return figures, _ratio(ratio, verdict)


def _ratio(ratio: str, verdict: str) -> Text:
    return Text(ratio, style={"worse": "red", "better": "green"}.get(verdict, "dim"))


def _row(kind: str, first: Spread | None, second: Spread | None, took: tuple[float, float]) -> Row:
    def pair(of: Callable[[Spread, float], float]) -> Pair:
        pairs = zip((first, second), took, strict=True)
        one, other = (None if spread is None else of(spread, took_s) for spread, took_s in pairs)
        ratio = other / one if one and other is not None else None
        return Pair(first=one, second=other, ratio=ratio)

    return Row(
        kind=kind,
        p50=pair(lambda spread, _: spread.p50),
        p99=pair(lambda spread, _: spread.p99),
        ok_per_s=pair(lambda spread, took_s: spread.ok / took_s if took_s else 0.0),
        lost_share=pair(lambda spread, _: 1 - spread.ok / spread.count if spread.count else 0.0),
    )


def _unlike(first: Report, second: Report) -> list[str]:
    """What makes a comparison one of two things at once."""
    fields = ("scenario", "seed", "target", "generators", "planned_per_s")
    values = ((name, getattr(first, name), getattr(second, name)) for name in fields)
    return [
        f"{name.replace('_', ' ')}: {_short(a)} and {_short(b)}" for name, a, b in values if a != b
    ]


def _short(value: object) -> str:
    return units.count(value) if isinstance(value, float) else str(value)
