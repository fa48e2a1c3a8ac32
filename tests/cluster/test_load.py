"""Load against the whole system: what it measures, what it leaves, and that all was right."""

import asyncio
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace as with_
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from msgspec.structs import replace

from infra import local
from instastream.errors import InstastreamError, Unready
from instastream.load.checks import checking
from instastream.load.checks.checking import check
from instastream.load.checks.histories import read
from instastream.load.over_http import generating, running
from instastream.load.over_http.running import Asked, run
from instastream.load.reporting.reports import Report
from instastream.load.reporting.spreads import Sample, Spreads
from instastream.load.scenario.arrivals import Poisson
from instastream.load.scenario.scenarios import Scenario, load_scenario
from instastream.steps import ignore
from tests.cluster.conftest import System

SCENARIO = replace(
    load_scenario("smoke"), users=12, private=0.3, posts=8, duration_s=5.0, arrivals=Poisson(40)
)


def watch(spreads: Spreads, at_s: float) -> None:
    """Nobody looks."""


async def load(
    system: System, folder: Path, *, scenario: Scenario = SCENARIO, processes: int = 2
) -> Report:
    await asyncio.to_thread(folder.mkdir)
    asked = Asked(api=str(system.http.base_url), folder=folder, processes=processes)
    return await run(scenario, asked, progress=ignore, watch=watch, sample=Sample)


async def broken(system: System, folder: Path) -> set[str]:
    """The rules that the check says were broken."""
    violations = await check(
        read(folder),
        api=str(system.http.base_url),
        settings=system.settings,
        report=ignore,
    )
    return {violation.rule for violation in violations}


async def test_every_operation_is_done_written_down_and_right(
    system: System, tmp_path: Path
) -> None:
    report = await load(system, tmp_path / "run")
    planned = round(report.planned_per_s * SCENARIO.duration_s)
    assert report.all.count == planned
    assert report.all.ok > 0.9 * planned
    assert report.all.unknown == 0
    assert report.by_kind["visible"].ok
    phases = [entry.phase for entry in read(tmp_path / "run")]
    assert phases.count("invoked") == sum(phases.count(end) for end in ("ok", "failed", "unknown"))
    assert await broken(system, tmp_path / "run") == set()


async def test_a_run_that_is_stopped_leaves_a_report_and_a_history_of_what_there_was(
    system: System, tmp_path: Path
) -> None:
    long = replace(SCENARIO, users=4, posts=0, duration_s=600.0)
    loading = asyncio.create_task(load(system, tmp_path / "run", scenario=long))
    while not await asyncio.to_thread((tmp_path / "run/load.1.jsonl").exists):
        await asyncio.sleep(0.1)
    await asyncio.sleep(4)
    loading.cancel()
    report = await loading
    assert 0 < report.all.count < 0.1 * 600 * 40
    ended = report.all.ok + report.all.failed + report.all.unknown
    assert report.all.count == ended + report.all.unstarted
    assert await broken(system, tmp_path / "run") == set()


async def test_a_target_that_is_not_there_is_said(tmp_path: Path) -> None:
    asked = Asked(api="http://127.0.0.1:9", folder=tmp_path)
    with pytest.raises(Unready, match="there is no instastream at http"):
        await run(SCENARIO, asked, progress=ignore, watch=watch, sample=Sample)


@asynccontextmanager
async def sabotaged(system: System, process: str, fault: str) -> AsyncIterator[None]:
    """A process of the system runs with a fault: see `tests.cluster.faulty`."""
    stack = system.stack
    [right] = [one for one in local.specs(system.environ) if one.name == process]
    program = right.argv[right.argv.index("streams") if "streams" in right.argv else 0 :]
    wrong = [sys.executable, "-m", "tests.cluster.faulty", fault, *program]
    await stack.stop(process)
    await stack.run(with_(right, argv=wrong))
    try:
        yield
    finally:
        await stack.stop(process)
        await stack.run(right)


async def test_all_that_is_broken_in_a_build_is_found_out(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "STILL_S", 5.0)  # what is wrong stays wrong
    async with (
        sabotaged(system, "feeds", "pushes-are-dropped"),
        sabotaged(system, "engagement", "likes-count-twice"),
        sabotaged(system, "api", "private-posts-are-shown"),
    ):
        await load(system, tmp_path / "run")
        found = await broken(system, tmp_path / "run")
    assert {"not-in-feed", "like-count", "private-shown"} <= found


async def test_a_full_disk_ends_the_run_and_is_said(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "generate", generate_into_a_full_disk)
    with pytest.raises(Unready, match="the disk is full"):
        await load(system, tmp_path / "run")
    with pytest.raises(InstastreamError, match=r"load\.\d\.jsonl: its end is missing"):
        await broken(system, tmp_path / "run")


def generate_into_a_full_disk(encoded: bytes, told: Connection) -> None:
    """In a process of its own, where files can't grow any more."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
    generating.generate(encoded, told)
