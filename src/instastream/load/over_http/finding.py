"""How much a system can take: the rate rises step by step until a promise is broken twice.

One bad second is no limit: a step that breaks is believed once the next, which is higher, breaks
as well. Before the first comes one like it that nobody judges, in which caches fill and the
system forgets that it was just prepared.
"""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from instastream.errors import Unready
from instastream.load.reporting.spreads import PROBES, Spreads
from instastream.load.scenario.arrivals import RATE_MAX, Steps
from instastream.load.scenario.scenarios import KINDS, Scenario

GROWTH = 1.25  # of the rate, from one step to the next
STEPS_MAX = 20  # 70 times the first rate: each operation of all steps is planned before the first
SETTLED_S = 2.0  # at the beginning of each step, which does not count
BELIEVED = 2  # steps in a row that broke
ALL = "all"
WORDS = (*KINDS, *PROBES, ALL)
NUMBER = r"\d+(?:\.\d+)?"


class Slo(Struct, frozen=True):
    """What is promised: a percentile of an operation is below a limit."""

    kind: str  # or "all", or "visible"
    percent: float
    below_ms: float

    def __str__(self) -> str:
        return f"{self.kind}.p{self.percent:g}<{self.below_ms:g}ms"


class Step(Struct, frozen=True):
    """One rate, and what was measured at it."""

    rate: float  # operations a second
    reached: float  # that ended ok
    lost: int  # not begun, or with nobody knows what end
    ms: dict[str, float]  # by promise
    broken: list[str]


class Knee(Struct, frozen=True):
    """The highest rate at which every promise was kept, 0 where even the first was too much."""

    rate: float
    steps: list[Step]
    found: bool  # else it ended before promises were broken


def slo_of(text: str) -> Slo:
    """From `feed.p99<50ms`; raises Unready, which says how it is written."""
    match = re.fullmatch(rf"([a-z_]+)\.p({NUMBER})\s*<\s*({NUMBER})\s*(ms|s)", text.strip())
    kind = match[1] if match else ""
    if kind not in WORDS and f"read_{kind}" in KINDS:
        kind = f"read_{kind}"
    if not match or kind not in WORDS or not 0 < float(match[2]) < 100:
        names = ", ".join(word.removeprefix("read_") for word in WORDS)
        raise Unready(
            f"{text!r} is no promise, as `feed.p99<50ms` or `post.p99.9<2s` is: of {names}"
        )
    times = 1_000 if match[4] == "s" else 1
    return Slo(kind, float(match[2]), float(match[3]) * times)


def rising(scenario: Scenario, *, first: float, step_s: float) -> Scenario:
    """The same operations, at a rate that rises."""
    risen = [rate for n in range(STEPS_MAX) if (rate := first * GROWTH**n) <= RATE_MAX]
    rates = [first, *risen]
    return replace(scenario, arrivals=Steps(rates), duration_s=len(rates) * step_s)


class Finder:
    """Looks at what is measured, step by step; `stop` is called once it is clearly too much."""

    def __init__(
        self, slos: Sequence[Slo], scenario: Scenario, *, step_s: float, stop: Callable[[], object]
    ) -> None:
        assert isinstance(scenario.arrivals, Steps)
        self._slos = slos
        self._rates = scenario.arrivals.rates
        self._step_s = step_s
        self._stop = stop
        self._wait_s = 1 + max(slo.below_ms for slo in slos) / 1_000
        self.steps: list[Step] = []

    def watch(self, spreads: Spreads, at_s: float) -> None:
        """To be called now and then; judges each step once what kept the promises has ended."""
        number = len(self.steps) + 1
        if number == len(self._rates) or at_s < (number + 1) * self._step_s + self._wait_s:
            return
        if self._is_over:
            return
        self.steps.append(self._judge(spreads, number))
        if self._is_over:
            self._stop()

    @property
    def knee(self) -> Knee:
        """So far."""
        kept = [step.rate for step in self.steps if not step.broken]
        return Knee(max(kept, default=0.0), self.steps, self._is_over)

    @property
    def _is_over(self) -> bool:
        return len(self.steps) >= BELIEVED and all(one.broken for one in self.steps[-BELIEVED:])

    def _judge(self, spreads: Spreads, number: int) -> Step:
        begin, end = number * self._step_s + SETTLED_S, (number + 1) * self._step_s
        took = spreads.between(int(begin), int(end))
        ms = {
            str(slo): took.latencies(slo.kind).percentiles([slo.percent])[0] for slo in self._slos
        }
        broken = [str(slo) for slo in self._slos if ms[str(slo)] >= slo.below_ms]
        if took.lost:
            broken.append("nothing lost")
        return Step(self._rates[number], took.ok / (int(end) - int(begin)), took.lost, ms, broken)
