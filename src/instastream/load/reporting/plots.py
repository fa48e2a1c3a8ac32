"""Lines over time or over percentiles, laid out in percent of a box: what `page.html` draws."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from instastream.load.reporting import units

POINTS_MAX = 600  # of a line: a box is about as many pixels wide
BOX = 1_000.0  # its coordinates
TICKS_WANTED = 5
LOG_TICKS_MAX = 6
OVER = 0.01  # of the highest tick: so little above it needs no other
ROUND_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)

Value = float | None
Fold = Callable[[list[float]], float]


def mean(values: list[float]) -> float:
    """How values of one second become one of several."""
    return sum(values) / len(values)


class Series(NamedTuple):
    """One line: its name, a value for every x or None, and the class that colours it."""

    name: str
    values: Sequence[Value]
    tone: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """What is to be drawn; `text` writes a value, `fold` joins several seconds into one point."""

    slug: str
    title: str
    about: str
    x: Sequence[float]
    series: Sequence[Series]
    text: Callable[[float], str]
    over: Literal["time", "nines", "load"] = "time"
    log: bool = False
    fold: Fold = max


class Mark(NamedTuple):
    """A label beside an axis: where, in percent, and what it says."""

    at: float
    text: str


class Line(NamedTuple):
    """A series as the page has it: an SVG path, and what a reader sees of every point."""

    name: str
    tone: str
    path: str
    ys: list[Value]
    texts: list[str]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A plot, laid out; `xs` and `ys` are in thousandths of the box, from the left and the top."""

    plot: Plot
    lines: list[Line] = field(default_factory=list)
    xs: list[float] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    x_marks: list[Mark] = field(default_factory=list)
    y_marks: list[Mark] = field(default_factory=list)

    @property
    def points(self) -> dict[str, object]:
        """What the page's script reads."""
        series = [{"ys": line.ys, "texts": line.texts} for line in self.lines]
        return {"xs": self.xs, "labels": self.labels, "series": series}


def draw(plot: Plot) -> Drawing:
    """Without lines where nothing was measured."""
    known = [value for one in plot.series for value in one.values if value is not None]
    if not plot.x or not known:
        return Drawing(plot=plot)
    x, series = _thinned(plot)
    log = plot.log and any(value > 0 for value in known)
    y_ticks = _log_ticks(known) if log else linear_ticks(max(known))
    low, high = y_ticks[0], y_ticks[-1]
    left, right = min(x), max(max(x), min(x) + 1)

    def across(value: float) -> float:
        return round((value - left) / (right - left) * BOX, 1)

    def down(value: Value) -> Value:
        if value is None or (log and value <= 0):
            return None
        if log:
            share = math.log(max(value, low) / low) / math.log(high / low)
        else:
            share = (value - low) / (high - low)
        return round((1 - share) * BOX, 1)

    xs = [across(value) for value in x]
    x_ticks, x_text = _across(plot.over, left, right)
    return Drawing(
        plot=plot,
        xs=xs,
        lines=[_line(one, xs, [down(value) for value in one.values], plot.text) for one in series],
        labels=[x_text(value) for value in x],
        x_marks=[Mark(across(tick) / 10, x_text(tick)) for tick in x_ticks],
        y_marks=[Mark((down(tick) or 0) / 10, plot.text(tick)) for tick in y_ticks],
    )


def _across(over: str, left: float, right: float) -> tuple[list[float], Callable[[float], str]]:
    """Where the axis below is marked, and how."""
    if over == "time":
        return _time_ticks(left, right), units.clock
    if over == "nines":
        return [float(nines) for nines in range(math.ceil(left), int(right) + 1)], units.nines
    return [tick for tick in linear_ticks(right) if left <= tick <= right], units.per_s


def linear_ticks(highest: float) -> list[float]:
    """From 0 to the first round number that is not below the highest."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / TICKS_WANTED
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    return [step * number for number in range(math.ceil(round(highest / step, 6)) + 1)]


def _log_ticks(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10 ... around the values; only powers of ten where those would be too many."""
    least, most = min(value for value in values if value > 0), max(values) / (1 + OVER)
    lowest, highest = math.floor(math.log10(least)), math.ceil(math.log10(most))
    powers = range(lowest, max(highest, lowest + 1) + 1)
    fine = [times * 10.0**power for power in powers for times in (1, 2, 5)]
    below = max((tick for tick in fine if tick <= least), default=fine[0])
    above = min((tick for tick in fine if tick >= most and tick > below), default=fine[-1])
    fine = [tick for tick in fine if below <= tick <= above]
    coarse = [10.0**power for power in powers]
    return fine if len(fine) <= LOG_TICKS_MAX else coarse[:: math.ceil(len(coarse) / 10)]


def _time_ticks(first_s: float, last_s: float) -> list[float]:
    span = last_s - first_s
    step = next((step for step in ROUND_SECONDS if span / step <= TICKS_WANTED + 1), 86_400)
    first = math.ceil(first_s / step) * step
    return [float(at_s) for at_s in range(first, int(last_s) + 1, step)]


def _thinned(plot: Plot) -> tuple[list[float], list[Series]]:
    """So many neighbours in one that no line has more than POINTS_MAX points."""
    size = math.ceil(len(plot.x) / POINTS_MAX)
    if size <= 1:
        return list(plot.x), list(plot.series)
    x = [group[0] for group in _groups(plot.x, size)]
    folded = [one._replace(values=_folded(one.values, size, plot.fold)) for one in plot.series]
    return [float(value or 0) for value in x], folded


def _folded(values: Sequence[Value], size: int, fold: Fold) -> list[Value]:
    known = ([v for v in group if v is not None] for group in _groups(values, size))
    return [fold(group) if group else None for group in known]


def _groups(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    return (values[at : at + size] for at in range(0, len(values), size))


def _line(series: Series, xs: list[float], ys: list[Value], text: Callable[[float], str]) -> Line:
    texts = ["" if value is None else text(value) for value in series.values]
    return Line(series.name, series.tone, _path(xs, ys), ys, texts)


def _path(xs: list[float], ys: list[Value]) -> str:
    """It begins anew after every gap; a point alone is a dot, by its round cap."""
    steps, pen_down = [], False
    for at, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if y is None:
            pen_down = False
            continue
        steps.append(f"{'L' if pen_down else 'M'}{x:g} {y:g}")
        alone = not pen_down and (at + 1 == len(ys) or ys[at + 1] is None)
        if alone:
            steps.append("h0")
        pen_down = True
    return "".join(steps)
