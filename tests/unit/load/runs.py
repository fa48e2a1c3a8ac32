"""Runs to tell of: a made-up minute in which every kind of thing happens."""

from msgspec.structs import replace

from instastream.load.checks.violations import Violation
from instastream.load.reporting.reports import Report
from instastream.load.reporting.spreads import Recorder, Sample, Spreads

SECONDS = 60
EACH_S = 50
HOSTILE = "</script><script>alert(1)</script><img src=//a.test/x onerror=alert(2)>\"'&"
REFUSED, BROKEN = "429 too-many-likes", f"500 {HOSTILE}"


def measured_minute(*, slow: float = 1.0) -> Spreads:
    """Forty operations a second, then fifty; some fail, are given up, or never start."""
    spreads, recorder = Spreads(), Recorder(0)
    for number in range(SECONDS * EACH_S):
        due_ms = number * 1_000 / EACH_S
        if due_ms < SECONDS / 2 * 1_000 and number % 5 == 4:
            continue
        kind = ("read_feed", "read_feed", "like", "post")[number % 4]
        if number % 500 == 7:
            recorder.skips(kind, due_ms=due_ms)
            continue
        recorder.starts(kind, due_ms=due_ms, at_ms=due_ms)
        at_ms = due_ms + slow * (2 + number % 37)
        if number % 200 == 3:
            recorder.ends(kind, "failed", due_ms=due_ms, at_ms=at_ms, problem=REFUSED)
        elif number % 500 == 9:
            recorder.ends(kind, "unknown", due_ms=due_ms, at_ms=at_ms, problem=BROKEN)
        else:
            recorder.ends(kind, "ok", due_ms=due_ms, at_ms=at_ms)
    spreads.add(recorder.take())
    return spreads


def report_of(spreads: Spreads, **changes: object) -> Report:
    """Of a run that measured this; `changes` replace what it says."""
    samples = {
        at_s: Sample(
            lag={"media": at_s % 7, "feeds": 3},
            cpu={"api": 0.5, "kafka": 0.25},
            rss={"api": 140_000_000 + at_s, "kafka": 800_000_000},
        )
        for at_s in range(SECONDS)
    }
    report = Report(
        scenario="mixed-social",
        seed=7,
        target="http://127.0.0.1:8000",
        began_ms=1_795_780_000_000,
        took_s=float(SECONDS),
        generators=2,
        planned_per_s=float(EACH_S),
        reached_per_s=49.8,
        by_kind=spreads.by_kind(),
        all=spreads.all(),
        ticks=spreads.ticks(samples),
        problems=dict(spreads.problems),
        violations=[],
        histograms=spreads.histograms(),
    )
    return replace(report, **changes)


def hostile_report() -> Report:
    """Everything in it that a server or a scenario could have chosen is an attack."""
    violation = Violation(rule=HOSTILE, said=HOSTILE, evidence={HOSTILE: [HOSTILE, {"a": HOSTILE}]})
    plain = report_of(measured_minute())
    spread = plain.by_kind["like"]
    ticks = [replace(tick, lag={HOSTILE: 1}, cpu={HOSTILE: 0.5}) for tick in plain.ticks]
    return replace(
        plain,
        scenario=HOSTILE,
        target=HOSTILE,
        by_kind={HOSTILE: spread},
        histograms={HOSTILE: plain.histograms["like"]},
        ticks=ticks,
        problems={HOSTILE: 3},
        violations=[violation],
    )
