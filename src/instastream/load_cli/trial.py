"""A scenario tried: measured while people watch, verified, and reported in its folder."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec.structs import replace

from infra import local
from instastream.load.checks.checking import check
from instastream.load.checks.histories import read
from instastream.load.over_http.running import Asked, Watch, run
from instastream.load.over_http.sampling import Sampler
from instastream.load.reporting import reports
from instastream.load.reporting.live import LiveView, Progress
from instastream.load.reporting.pages import to_html
from instastream.load.reporting.reports import Report
from instastream.load.reporting.spreads import Spreads
from instastream.load.scenario.scenarios import Scenario
from instastream.load_cli.target import Target
from instastream.steps import ignore
from instastream.terminal import Steps

PAGE, NUMBERS = "report.html", "report.json"


def _nobody_watches(spreads: Spreads, at_s: float) -> None: ...


async def measure(
    scenario: Scenario,
    asked: Asked,
    steps: Steps,
    *,
    target: Target,
    watch: Watch = _nobody_watches,
) -> Report:
    """What was measured, and what its servers were like meanwhile, where they are known."""
    view, lasts_s = LiveView(scenario.name), scenario.duration_s
    async with AsyncExitStack() as stack:
        pids = _pids() if target.is_here else {}
        sampler = await stack.enter_async_context(Sampler(pids, target.settings))

        def show(spreads: Spreads, at_s: float) -> None:
            watch(spreads, at_s)
            tick = spreads.latest(lag=sampler.lag)
            if tick is None:
                return
            if not view.is_shown:
                stack.enter_context(steps.aside())
                stack.enter_context(view)
            progress = Progress(
                at_s=min(at_s, lasts_s),
                lasts_s=lasts_s,
                planned_per_s=scenario.arrivals.at(min(at_s, lasts_s), lasts_s),
                tick=tick,
                by_kind=spreads.by_kind(),
                all=spreads.all(),
                problems=spreads.problems,
            )
            view.show(progress)

        return await run(scenario, asked, progress=steps.report, watch=show, sample=sampler.sample)


async def verify(report: Report, asked: Asked, steps: Steps, *, target: Target) -> Report:
    """The same report, with every promise that was broken, and which nobody could look into."""
    history = read(asked.folder)
    violations = await check(history, api=asked.api, settings=target.settings, report=steps.report)
    return replace(report, violations=violations, unchecked=target.unchecked)


def write(report: Report, folder: Path) -> Path:
    """For machines and for people; where the page is."""
    reports.write(report, folder / NUMBERS)
    (folder / PAGE).write_text(to_html(report))
    return folder / PAGE


def _pids() -> dict[str, int]:
    """Of what runs on this machine."""
    rows = local.stack_of(os.environ, report=ignore).status()
    return {row.name: row.pid for row in rows if row.pid}
