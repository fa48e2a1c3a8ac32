"""The load that the demo ends with."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from infra import local
from instastream.demo import Summary
from instastream.load.over_http.running import Asked
from instastream.load.scenario.scenarios import load_scenario
from instastream.load_cli.target import Target
from instastream.load_cli.trial import measure, verify, write
from instastream.settings import Settings
from instastream.terminal import Steps


async def load_a_little(
    summary: Summary, environ: Mapping[str, str], settings: Settings, *, steps: Steps, folder: Path
) -> Summary:
    """Many users at once for ten seconds, and whether all was right; its page stays in `folder`."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(folder.mkdir, parents=True)
    target = Target(environ[local.API], settings, is_here=True)
    asked = Asked(api=target.api, folder=folder)
    task = asyncio.current_task()
    assert task
    report = await measure(load_scenario("smoke"), asked, steps, target=target)
    if task.cancelling():  # which only ends a load, early
        raise asyncio.CancelledError
    report = await verify(report, asked, steps, target=target)
    page = write(report, folder)
    broken = len(report.violations or [])
    failure = f"promises were broken under load ({broken}): see {page}" if broken else ""
    return replace(summary, report=str(page), failure=failure)
