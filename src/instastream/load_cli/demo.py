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
from instastream.load_cli.trial import measure, verify, write
from instastream.settings import Settings
from instastream.terminal import Steps


async def load_a_little(
    summary: Summary, environ: Mapping[str, str], settings: Settings, *, steps: Steps, folder: Path
) -> Summary:
    """Many users at once for ten seconds, and whether all was right; its page stays in `folder`."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(folder.mkdir, parents=True)
    asked = Asked(api=environ[local.API], folder=folder)
    report = await measure(load_scenario("smoke"), asked, steps, settings=settings)
    report = await verify(report, asked, steps, settings=settings)
    page = write(report, folder)
    broken = len(report.violations or [])
    failure = f"promises were broken under load ({broken}): see {page}" if broken else ""
    return replace(summary, report=str(page), failure=failure)
