"""Which plots a report has."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from instastream.load.reporting import units
from instastream.load.reporting.histograms import Histogram, decode
from instastream.load.reporting.plots import Plot, Series, Value, mean
from instastream.load.reporting.reports import Report, Tick

FLOWS = ("due", "started", "ok")
LOSSES = ("failed", "unknown", "unstarted")  # drawn where there are any
TONES = 8  # colours that can be told apart; after them the same, dashed
NINES_MAX = 5.0
LOADS_MAX = 40  # points of latency against load
NINES_STEPS = 10  # points between one nine and the next

Number = TypeVar("Number", int, float)


def plots_of(report: Report) -> list[Plot]:
    """In the order of the page; one that was not measured has no values."""
    ticks = report.ticks
    return [
        _latency(ticks),
        percentile_plot({kind: decode(text) for kind, text in report.histograms.items()}),
        _throughput(ticks),
        _latency_by_kind(ticks),
        _latency_by_load(ticks),
        _under_way(ticks),
        _of_each("lag", "Lag", "Events behind, by stage.", ticks, lambda t: t.lag, units.count),
        _of_each("cpu", "CPU", "Cores used, by process.", ticks, lambda t: t.cpu, units.cores),
        _of_each("rss", "Memory", "Resident, by process.", ticks, lambda t: t.rss, units.size),
    ]


def percentile_plot(
    by_name: Mapping[str, Histogram],
    *,
    slug: str = "percentiles",
    title: str = "Latency by percentile",
    about: str = "Each step right is ten times rarer. A line ends where one operation is left.",
) -> Plot:
    """A line for every histogram, up to where less than one operation is beyond it."""
    sizes = {name: one.size() for name, one in by_name.items()}
    furthest = min(math.log10(max([10, *sizes.values()])), NINES_MAX)
    x = [step / NINES_STEPS for step in range(math.ceil(furthest * NINES_STEPS) + 1)]
    percents = [100 * (1 - 10.0**-nines) for nines in x]
    series = []
    for name, one in by_name.items():
        ends = math.log10(sizes[name]) if sizes[name] else -1.0
        found = one.percentiles(percents)
        values = [ms if nines <= ends else None for nines, ms in zip(x, found, strict=True)]
        series.append((name, values))
    return Plot(
        slug=slug,
        title=title,
        about=about,
        x=x,
        series=toned(series),
        text=units.ms,
        over="nines",
        log=True,
    )


def toned(named: Iterable[tuple[str, Sequence[Value]]]) -> list[Series]:
    """A colour each; from the ninth on dashed."""
    return [
        Series(name, values, f"t{at % TONES}" + (" dashed" if at >= TONES else ""))
        for at, (name, values) in enumerate(named)
    ]


def seconds(ticks: Sequence[Tick]) -> list[float]:
    """The x of every plot over time."""
    return [float(tick.at_s) for tick in ticks]


def _latency(ticks: Sequence[Tick]) -> Plot:
    return Plot(
        slug="latency",
        title="Latency over time",
        about="Of all operations that were due in a second, from when they were due.",
        x=seconds(ticks),
        series=[
            Series("p50", [tick.p50 or None for tick in ticks], "low"),
            Series("p99", [tick.p99 or None for tick in ticks], "middle"),
            Series("p99.9", [tick.p999 or None for tick in ticks], "high"),
        ],
        text=units.ms,
        log=True,
    )


def _throughput(ticks: Sequence[Tick]) -> Plot:
    flows = {name: [getattr(tick, name) for tick in ticks] for name in FLOWS}
    losses = {name: [getattr(tick, name) or None for tick in ticks] for name in LOSSES}
    return Plot(
        slug="throughput",
        title="Throughput",
        about="Operations a second: due, begun, and how they ended.",
        x=seconds(ticks),
        series=[Series(name, counts, name) for name, counts in (flows | losses).items()],
        text=units.count,
        fold=mean,
    )


def _latency_by_kind(ticks: Sequence[Tick]) -> Plot:
    kinds = sorted({kind for tick in ticks for kind in tick.p99_by_kind})
    named = ((kind, [tick.p99_by_kind.get(kind) for tick in ticks]) for kind in kinds)
    return Plot(
        slug="kinds",
        title="p99 by operation",
        about="Of those that were due in a second.",
        x=seconds(ticks),
        series=toned(named),
        text=units.ms,
        log=True,
    )


def _latency_by_load(ticks: Sequence[Tick]) -> Plot:
    """Seconds of about the same load are one point: the median of what each of them measured."""
    by_load: defaultdict[int, list[Tick]] = defaultdict(list)
    step = max((tick.due for tick in ticks), default=0) / LOADS_MAX or 1.0
    for tick in ticks:
        if tick.p50:
            by_load[round(tick.due / step)].append(tick)
    groups = [by_load[load] for load in sorted(by_load)]
    return Plot(
        slug="load",
        title="Latency against load",
        about="By operations due in a second: the median of the seconds of each load.",
        x=[mean([float(tick.due) for tick in group]) for group in groups],
        series=[
            Series("p50", [median(tick.p50 for tick in group) for group in groups], "low"),
            Series("p99", [median(tick.p99 for tick in group) for group in groups], "middle"),
            Series("p99.9", [median(tick.p999 for tick in group) for group in groups], "high"),
        ],
        text=units.ms,
        over="load",
        log=True,
    )


def _under_way(ticks: Sequence[Tick]) -> Plot:
    return Plot(
        slug="under-way",
        title="Under way",
        about="Operations begun and not ended, at the end of each second.",
        x=seconds(ticks),
        series=toned([("under way", [float(tick.in_flight) for tick in ticks])]),
        text=units.count,
    )


def _of_each(
    slug: str,
    title: str,
    about: str,
    ticks: Sequence[Tick],
    of: Callable[[Tick], Mapping[str, Number]],
    text: Callable[[float], str],
) -> Plot:
    """What was sampled by name; seconds without a sample are left out, not drawn as gaps."""
    sampled = [tick for tick in ticks if of(tick)]
    names = sorted({name for tick in sampled for name in of(tick)})
    named = ((name, [of(tick).get(name) for tick in sampled]) for name in names)
    return Plot(
        slug=slug, title=title, about=about, x=seconds(sampled), series=toned(named), text=text
    )
