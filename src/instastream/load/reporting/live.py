"""What a run shows while it goes on: a live table, or on no terminal a line every ten seconds."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct
from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from instastream.load.reporting import units
from instastream.load.reporting.reports import Spread, Tick

LINE_EVERY_S = 10
PROBLEMS_SHOWN = 5
STAGES_SHOWN = 6


class Progress(Struct, frozen=True, kw_only=True):
    """A run so far: `tick` is its last whole second, with what is behind now.

    The rest is of all seconds until now.
    """

    at_s: float
    lasts_s: float
    planned_per_s: float
    tick: Tick
    by_kind: Mapping[str, Spread]
    all: Spread
    problems: Mapping[str, int]


class LiveView:
    """Goes to standard error, so that standard output stays for the report."""

    def __init__(self, scenario: str, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._scenario = scenario
        self._next_line_s = float(LINE_EVERY_S)
        self.is_shown = False  # it has been entered
        is_live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._live = Live(console=self.console, auto_refresh=False) if is_live else None

    def __enter__(self) -> Self:
        self.is_shown = True
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """To be called about once a second."""
        if self._live:
            self._live.update(picture(self._scenario, progress), refresh=True)
        elif progress.at_s >= self._next_line_s:
            self._next_line_s = progress.at_s - progress.at_s % LINE_EVERY_S + LINE_EVERY_S
            self.console.print(line(progress), soft_wrap=True)


def line(progress: Progress) -> Text:
    """The same in one line, for logs."""
    tick = progress.tick
    words = [
        f"{units.clock(progress.at_s)} of {units.clock(progress.lasts_s)}",
        f"{units.count(tick.ok)} of {units.count(tick.due)} ok/s",
        f"p50 {units.ms(progress.all.p50)}",
        f"p99 {units.ms(progress.all.p99)}",
        f"p99.9 {units.ms(progress.all.p999)}",
        *(f"{count:,} {name}" for name, count in _losses(progress.all).items() if count),
    ]
    if tick.lag:
        words.append(f"{sum(tick.lag.values()):,} events behind")
    return Text(", ".join(words))


def picture(scenario: str, progress: Progress) -> Group:
    """For a terminal of 80 columns."""
    parts: list[Table | Text] = [_head(scenario, progress), _operations(progress)]
    if progress.tick.lag:
        parts.append(_listed("behind", progress.tick.lag, STAGES_SHOWN))
    if progress.problems:
        parts.append(_listed("answers", progress.problems, PROBLEMS_SHOWN, style="yellow"))
    return Group(*parts)


def _head(scenario: str, progress: Progress) -> Table:
    tick = progress.tick
    told = f"{units.count(tick.ok)} ok/s of {units.count(progress.planned_per_s)} planned"
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(scenario, style="bold"),
        ProgressBar(total=max(progress.lasts_s, 1), completed=progress.at_s, width=20),
        Text(f"{units.clock(progress.at_s)} / {units.clock(progress.lasts_s)}"),
        Text(f"{told}, {tick.in_flight} under way"),
    )
    return head


def _operations(progress: Progress) -> Table:
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1))
    table.add_column("operation", no_wrap=True)
    for heading in ("ok", "p50", "p99", "p99.9", "failed", "unknown", "unstarted"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, spread in [("all", progress.all), *progress.by_kind.items()]:
        times = (spread.p50, spread.p99, spread.p999)
        table.add_row(
            kind,
            f"{spread.ok:,}",
            *(units.ms(one) if spread.ok + spread.unknown else units.NOTHING for one in times),
            *(_loss(count) for count in _losses(spread).values()),
            style="bold" if kind == "all" else "",
        )
    return table


def _losses(spread: Spread) -> dict[str, int]:
    return {"failed": spread.failed, "unknown": spread.unknown, "unstarted": spread.unstarted}


def _loss(count: int) -> Text:
    return Text(f"{count:,}", style="yellow" if count else "dim")


def _listed(heading: str, counts: Mapping[str, int], shown: int, style: str = "") -> Text:
    """The largest first; what a server said can't move the cursor."""
    largest = sorted(counts, key=lambda name: (-counts[name], name))
    words = [f"{units.printable(name)} {counts[name]:,}" for name in largest[:shown]]
    if len(largest) > shown:
        words.append(f"and {len(largest) - shown} more")
    return Text.assemble((f"{heading}  ", "dim"), ("   ".join(words), style))
