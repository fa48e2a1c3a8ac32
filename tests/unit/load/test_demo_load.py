"""The load that the demo ends with: checked and reported, unless the demo is stopped."""

import asyncio
from pathlib import Path

import pytest

from infra import local
from instastream.demo import Summary
from instastream.load.reporting.reports import Report
from instastream.load_cli import demo
from instastream.load_cli.demo import load_a_little
from instastream.terminal import Steps
from tests.conftest import IN_MEMORY
from tests.unit.load.runs import measured_minute, report_of

SHOWN = Summary(posts=[], feeds=[])


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a load goes on; where that is stopped, it comes to its end and has a report."""
    begun = asyncio.Event()

    async def measure(*_: object, **__: object) -> Report:
        begun.set()
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
        return report_of(measured_minute())

    async def verify(report: Report, *_: object, **__: object) -> Report:
        return report

    monkeypatch.setattr(demo, "measure", measure)
    monkeypatch.setattr(demo, "verify", verify)
    return begun


async def loaded(folder: Path) -> Summary:
    environ = {local.API: "http://127.0.0.1:9"}
    with Steps() as steps:
        return await load_a_little(SHOWN, environ, IN_MEMORY, steps=steps, folder=folder)


async def test_a_demo_that_is_stopped_while_it_loads_is_stopped(
    measuring: asyncio.Event, tmp_path: Path
) -> None:
    loading = asyncio.create_task(loaded(tmp_path))
    await asyncio.wait_for(measuring.wait(), 5)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading


async def test_a_load_that_comes_to_its_end_is_reported(
    measuring: asyncio.Event, tmp_path: Path
) -> None:
    summary = await loaded(tmp_path)
    assert not summary.failure
    assert summary.report == str(tmp_path / "report.html")
