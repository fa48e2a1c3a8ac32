"""What a run of load found out: one JSON file, from which its page and every comparison is made."""

from pathlib import Path

import msgspec
from msgspec import Struct, field

from instastream.errors import Unready
from instastream.load.checks.violations import Violation

VERSION = 1


class Spread(Struct, frozen=True, kw_only=True):
    """Of one operation: how many were due, how they ended, and milliseconds from when each was due.

    The milliseconds are of those that ended `ok` or `unknown` (until they were given up); 0 where
    none did.
    """

    count: int
    ok: int
    failed: int
    unknown: int
    unstarted: int
    p50: float
    p90: float
    p99: float
    p999: float
    p9999: float
    max: float
    mean: float


class Tick(Struct, frozen=True, kw_only=True):
    """One second of the run.

    Operations count where they were due, started and ended; milliseconds belong to the second in
    which an operation was due. `lag` is events behind by stage, `cpu` cores and `rss` bytes by
    process, `p99_by_kind` milliseconds.
    """

    at_s: int
    due: int
    started: int
    ok: int
    failed: int
    unknown: int
    unstarted: int
    p50: float
    p99: float
    p999: float
    in_flight: int
    lag: dict[str, int] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    rss: dict[str, int] = field(default_factory=dict)
    p99_by_kind: dict[str, float] = field(default_factory=dict)


class Report(Struct, frozen=True, kw_only=True):
    """Of one run, everything; `violations` is None where `load check` did not run.

    `unchecked` are the rules that it could not look into, and why.
    `problems` counts by what was answered; `histograms` are HdrHistograms of microseconds by
    operation, compressed (V2) and in base64.
    """

    scenario: str
    seed: int
    target: str
    began_ms: int
    took_s: float
    generators: int
    planned_per_s: float
    reached_per_s: float
    by_kind: dict[str, Spread]
    all: Spread
    ticks: list[Tick]
    problems: dict[str, int]
    violations: list[Violation] | None
    histograms: dict[str, str]
    unchecked: dict[str, str] = field(default_factory=dict)
    version: int = VERSION


def write(report: Report, path: Path) -> None:
    """As JSON with line breaks."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def read(path: Path) -> Report:
    """What `write` wrote; `Unready` says what is wrong with any other file."""
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise Unready(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unready(f"{path} is not a report of instastream load: {error}") from error
    if report.version > VERSION:
        raise Unready(f"{path} was written by a newer instastream: use that one to read it")
    return report
