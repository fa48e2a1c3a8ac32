"""What a run measured: by second in each generator process, and all of it in the one that tells."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import accumulate
from typing import Literal

from msgspec import Struct, field

from instastream.limits import LOAD_PROBLEMS_MAX
from instastream.load.reporting.histograms import LATENCY_US_MAX, US_PER_MS, Histogram
from instastream.load.reporting.reports import Spread, Tick

Outcome = Literal["ok", "failed", "unknown"]

PERCENTS = (50, 90, 99, 99.9, 99.99)
SECOND_PERCENTS = (50, 99, 99.9)
OPEN_S = 120  # how long a second's latencies are kept apart: what ends later, no second shows
PROBES = frozenset({"visible"})  # waits that no operation asked for: told apart from `all`
OTHER_PROBLEMS = "others"
PROBLEM_LENGTH_MAX = 120


class Tally(Struct):
    """Of one kind in one second, or in all: how many, and what those took that were due then."""

    due: int = 0
    started: int = 0
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    unstarted: int = 0
    settled: int = 0  # of those that were due: came to an end since
    latencies: Histogram = field(default_factory=Histogram)

    def count(self, other: "Tally") -> None:
        """The other's, without its latencies."""
        self.due += other.due
        self.started += other.started
        self.ok += other.ok
        self.failed += other.failed
        self.unknown += other.unknown
        self.unstarted += other.unstarted
        self.settled += other.settled

    def add(self, other: "Tally") -> None:
        """The other's, with its latencies."""
        self.count(other)
        self.latencies.add(other.latencies)

    def ended(self) -> int:
        """How many came to an end after they had started."""
        return self.ok + self.failed + self.unknown


class Measured(Struct):
    """By second since the run began, and by kind; what a generator process sends (MessagePack)."""

    seconds: dict[int, dict[str, Tally]] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)


class Sample(Struct):
    """What was seen of the system in one second: see `Tick`."""

    lag: dict[str, int] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    rss: dict[str, int] = field(default_factory=dict)


class Recorder:
    """What one generator process measures; all times are Unix milliseconds.

    Of each operation it is told two things: that it starts and ends, or that it can't start.
    """

    def __init__(self, began_ms: float) -> None:
        self._began_ms = began_ms
        self._seconds: dict[int, dict[str, Tally]] = {}
        self._problems: Counter[str] = Counter()

    def starts(self, kind: str, *, due_ms: float, at_ms: float) -> None:
        """One was due, and has started."""
        self._tally(kind, due_ms).due += 1
        self._tally(kind, at_ms).started += 1

    def skips(self, kind: str, *, due_ms: float) -> None:
        """One was due, and could not start."""
        tally = self._tally(kind, due_ms)
        tally.due += 1
        tally.unstarted += 1

    def ends(
        self, kind: str, outcome: Outcome, *, due_ms: float, at_ms: float, problem: str = ""
    ) -> None:
        """One that started has ended; `problem` says what was answered, as in `429 too-many`."""
        tally = self._tally(kind, at_ms)
        if outcome == "ok":
            tally.ok += 1
        elif outcome == "failed":
            tally.failed += 1
        else:
            tally.unknown += 1
        of_due = self._tally(kind, due_ms)
        of_due.settled += 1
        if outcome != "failed":
            of_due.latencies.record(at_ms - due_ms)
        if problem:
            self._problems[problem[:PROBLEM_LENGTH_MAX]] += 1

    def take(self) -> Measured:
        """What came since it was last asked."""
        taken = Measured(self._seconds, dict(self._problems))
        self._seconds, self._problems = {}, Counter()
        return taken

    def _tally(self, kind: str, at_ms: float) -> Tally:
        at_s = int((at_ms - self._began_ms) / 1_000)
        kinds = self._seconds.get(at_s)
        if kinds is None:
            kinds = self._seconds[at_s] = {}
        tally = kinds.get(kind)
        if tally is None:
            tally = kinds[kind] = Tally()
        return tally


class Window(Struct, frozen=True, kw_only=True):
    """Some seconds of a run: how many ended ok, how many were lost, and how long each kind took."""

    ok: int
    lost: int
    by_kind: dict[str, Tally]

    def latencies(self, kind: str) -> Histogram:
        """Of one kind, or of all but probes; what has no end yet takes longer than anything."""
        whole = Tally()
        whole.add(_all(self.by_kind) if kind == "all" else self.by_kind.get(kind, Tally()))
        for _ in range(whole.due - whole.unstarted - whole.settled):
            whole.latencies.record(LATENCY_US_MAX / US_PER_MS)
        return whole.latencies


class _Percentiles(Struct, frozen=True):
    """Of one second, milliseconds."""

    all: list[float]
    p99_by_kind: dict[str, float]


class Spreads:
    """What all generator processes measured together."""

    def __init__(self) -> None:
        self._kinds: defaultdict[str, Tally] = defaultdict(Tally)
        self._seconds: defaultdict[int, Tally] = defaultdict(Tally)  # without latencies
        self._open: defaultdict[int, defaultdict[str, Tally]] = defaultdict(
            lambda: defaultdict(Tally)
        )
        self._closed: dict[int, _Percentiles] = {}
        self.problems: Counter[str] = Counter()

    def add(self, measured: Measured) -> None:
        """In any order, from any process; the sum does not depend on how it was cut."""
        for at_s, kinds in measured.seconds.items():
            for kind, tally in kinds.items():
                self._add(at_s, kind, tally)
        for problem, count in measured.problems.items():
            known = problem in self.problems or len(self.problems) < LOAD_PROBLEMS_MAX
            self.problems[problem if known else OTHER_PROBLEMS] += count
        self._close_until(max(self._seconds, default=0) - OPEN_S)

    def by_kind(self) -> dict[str, Spread]:
        """Of every kind so far."""
        return {kind: _spread(tally) for kind, tally in sorted(self._kinds.items())}

    def all(self) -> Spread:
        """Of all operations; probes are told apart."""
        return _spread(_all(self._kinds))

    def between(self, first_s: int, last_s: int) -> Window:
        """What was due from one second until before another, of the last OPEN_S."""
        seconds = range(first_s, last_s)
        tallies = [self._seconds[at_s] for at_s in seconds if at_s in self._seconds]
        by_kind: defaultdict[str, Tally] = defaultdict(Tally)
        for at_s in seconds:
            for kind, tally in self._open.get(at_s, {}).items():
                by_kind[kind].add(tally)
        return Window(
            ok=sum(tally.ok for tally in tallies),
            lost=sum(tally.unknown + tally.unstarted for tally in tallies),
            by_kind=by_kind,
        )

    def ticks(self, samples: Mapping[int, Sample]) -> list[Tick]:
        """Every second from the first to the last in which anything was, with what was sampled."""
        known = [*self._seconds, *samples]
        if not known:
            return []
        seconds = range(min(known), max(known) + 1)
        tallies = [self._seconds.get(at_s, Tally()) for at_s in seconds]
        under_way = accumulate(tally.started - tally.ended() for tally in tallies)
        return [
            self._tick(at_s, tally, in_flight, samples.get(at_s, Sample()))
            for at_s, tally, in_flight in zip(seconds, tallies, under_way, strict=True)
        ]

    def latest(self, *, lag: dict[str, int]) -> Tick | None:
        """The last second that is over, None before there is one; `lag` is by stage, as of now."""
        if len(self._seconds) < 2:
            return None
        at_s = max(self._seconds) - 1
        until = (tally for second, tally in self._seconds.items() if second <= at_s)
        in_flight = sum(tally.started - tally.ended() for tally in until)
        return self._tick(at_s, self._seconds.get(at_s, Tally()), in_flight, Sample(lag=lag))

    def histograms(self) -> dict[str, str]:
        """By kind, as a report has them."""
        return {kind: tally.latencies.encode() for kind, tally in sorted(self._kinds.items())}

    def _add(self, at_s: int, kind: str, tally: Tally) -> None:
        self._kinds[kind].add(tally)
        if kind not in PROBES:
            self._seconds[at_s].count(tally)
        if at_s not in self._closed:
            self._open[at_s][kind].add(tally)

    def _close_until(self, end_s: int) -> None:
        for at_s in [at_s for at_s in self._open if at_s < end_s]:
            self._closed[at_s] = _percentiles(self._open.pop(at_s))

    def _tick(self, at_s: int, tally: Tally, in_flight: int, sample: Sample) -> Tick:
        shown = self._closed.get(at_s) or _percentiles(self._open.get(at_s, {}))
        p50, p99, p999 = shown.all
        return Tick(
            at_s=at_s,
            due=tally.due,
            started=tally.started,
            ok=tally.ok,
            failed=tally.failed,
            unknown=tally.unknown,
            unstarted=tally.unstarted,
            p50=p50,
            p99=p99,
            p999=p999,
            in_flight=in_flight,
            lag=sample.lag,
            cpu=sample.cpu,
            rss=sample.rss,
            p99_by_kind=shown.p99_by_kind,
        )


def _percentiles(kinds: Mapping[str, Tally]) -> _Percentiles:
    timed = {kind: tally.latencies for kind, tally in kinds.items() if tally.latencies.counts}
    p99_by_kind = {kind: latencies.percentiles([99])[0] for kind, latencies in timed.items()}
    return _Percentiles(_all(kinds).latencies.percentiles(SECOND_PERCENTS), p99_by_kind)


def _all(kinds: Mapping[str, Tally]) -> Tally:
    """Of all kinds but probes."""
    whole = Tally()
    for kind, tally in kinds.items():
        if kind not in PROBES:
            whole.add(tally)
    return whole


def _spread(tally: Tally) -> Spread:
    p50, p90, p99, p999, p9999, most = tally.latencies.percentiles([*PERCENTS, 100])
    return Spread(
        count=tally.due,
        ok=tally.ok,
        failed=tally.failed,
        unknown=tally.unknown,
        unstarted=tally.unstarted,
        p50=p50,
        p90=p90,
        p99=p99,
        p999=p999,
        p9999=p9999,
        max=most,
        mean=tally.latencies.mean_ms(),
    )
