"""`run` and `find-max`: a scenario against a running system."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from instastream import shell
from instastream.errors import Unready
from instastream.limits import LOAD_USERS_MAX
from instastream.load.over_http.finding import Finder, Knee, Slo, rising, slo_of
from instastream.load.over_http.running import Asked
from instastream.load.reporting.reports import Report
from instastream.load.reporting.tables import knee_table, report_tables
from instastream.load.scenario.arrivals import RATE_MAX, scaled
from instastream.load.scenario.scenarios import Scenario, load_scenario
from instastream.load_cli.app import (
    Api,
    AtOnce,
    Out,
    Owned,
    Processes,
    ScenarioName,
    fail_if,
    load,
)
from instastream.load_cli.target import Target, own_target, target_of
from instastream.load_cli.trial import measure, verify, write
from instastream.process import complete, say
from instastream.terminal import Steps, show

Users = Annotated[
    int | None,
    Parameter(
        validator=Number(gte=2, lte=LOAD_USERS_MAX), help="How many, instead of the scenario's."
    ),
]


@load.command(name="run")
def run_scenario(
    scenario: ScenarioName,
    *,
    api: Api = "",
    rate: Annotated[float | None, Parameter(validator=Number(gt=0, lte=RATE_MAX))] = None,
    duration: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    users: Users = None,
    seed: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    processes: Processes = 1,
    at_once: AtOnce = 1_000,
    out: Out = None,
    check: Annotated[bool, Parameter(negative="--no-check")] = True,
    i_own_this_target: Owned = False,
    as_json: shell.AsJson = False,
) -> None:
    """Run a scenario, check what came of it, and write a report.

    Operations begin when they are due, and latency counts from then. Ctrl-C ends it early: the
    report is of what there was. Exit code 1 where a check found something.

    **Examples**

        instastream load run smoke
        # your own, twice as fast and for five minutes
        instastream load run mine.toml --rate 600 --duration 300 --processes 2
        instastream load run smoke --json | jq .all.p99

    Parameters
    ----------
    rate
        The highest number of operations a second, instead of the scenario's.
    duration
        Seconds, instead of the scenario's.
    seed
        Other operations of the same kind; the same seed gives the same.
    check
        Afterwards compare what the system shows with what was done.
    """
    asked = _changed(load_scenario(scenario), rate=rate, duration=duration, users=users, seed=seed)
    how, target = _how(
        asked.name, api, out, processes=processes, at_once=at_once, is_owned=i_own_this_target
    )
    with Steps() as steps:
        report = complete(measure(asked, how, steps, target=target))
        if check:
            report = complete(verify(report, how, steps, target=target))
    page = write(report, how.folder)
    show(report, *report_tables(report), as_json=as_json)
    if check and target.caveat:
        say(target.caveat)
    say(f"the report is {page}")
    fail_if(report.violations, how.folder)


@load.command(name="find-max")
def find_max(
    scenario: ScenarioName,
    *,
    slo: Annotated[list[str], Parameter(negative="", show_default=False)],
    api: Api = "",
    first: Annotated[float | None, Parameter(validator=Number(gt=0, lte=RATE_MAX))] = None,
    step: Annotated[float, Parameter(validator=Number(gte=5, lte=3_600))] = 10.0,
    users: Users = None,
    processes: Processes = 1,
    at_once: AtOnce = 1_000,
    out: Out = None,
    i_own_this_target: Owned = False,
    as_json: shell.AsJson = False,
) -> None:
    """Find out how much a system can take: raise the rate until promises are broken.

    One bad step is none: the next must be bad, too. What can't be begun, or has no certain end,
    breaks every promise. Writes a report as `run`.

    **Examples**

        instastream load find-max mixed-social --slo 'feed.p99<100ms'
        instastream load find-max hot-post --slo 'like.p99<200ms' --slo 'read_post.p99<50ms' --json

    Parameters
    ----------
    slo
        A promise: an operation (or `all`), a percentile, and what it stays below.
    first
        The first rate, instead of a tenth of the scenario's highest.
    step
        Seconds at each rate, a quarter higher than the last; at most its last 120 are judged.
    """
    given, slos = _changed(load_scenario(scenario), users=users), [slo_of(one) for one in slo]
    asked = rising(given, first=first or given.arrivals.peak / 10, step_s=step)
    how, target = _how(
        f"{asked.name}-find-max",
        api,
        out,
        processes=processes,
        at_once=at_once,
        is_owned=i_own_this_target,
    )
    report, knee = complete(_find(asked, how, target, slos, step_s=step))
    page = write(report, how.folder)
    show(knee, knee_table(knee), as_json=as_json)
    say(f"the report is {page}")
    if not knee.steps:
        raise Unready("it ended before the first rate was judged")


async def _find(
    scenario: Scenario,
    how: Asked,
    target: Target,
    slos: Sequence[Slo],
    *,
    step_s: float,
) -> tuple[Report, Knee]:
    task = asyncio.current_task()
    assert task
    finder = Finder(slos, scenario, step_s=step_s, stop=task.cancel)
    with Steps() as steps:
        report = await measure(scenario, how, steps, target=target, watch=finder.watch)
    return report, finder.knee


def _changed(
    scenario: Scenario,
    *,
    rate: float | None = None,
    duration: float | None = None,
    users: int | None = None,
    seed: int | None = None,
) -> Scenario:
    """With what was asked for instead."""
    return replace(
        scenario,
        arrivals=scaled(scenario.arrivals, rate) if rate else scenario.arrivals,
        duration_s=duration or scenario.duration_s,
        users=users or scenario.users,
        seed=scenario.seed if seed is None else seed,
    )


def _how(
    name: str, api: str, out: Path | None, *, processes: int, at_once: int, is_owned: bool
) -> tuple[Asked, Target]:
    """How it is run, and what is loaded."""
    target = target_of(api, is_owned=is_owned) if api else own_target(is_owned=is_owned)
    asked = Asked(
        api=target.api,
        folder=_folder(out, name),
        processes=processes,
        at_once=at_once,
        is_owned=is_owned,
    )
    return asked, target


def _folder(out: Path | None, name: str) -> Path:
    """Where nothing was before."""
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = out or Path("runs") / f"{name}-{at}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise Unready(f"{folder} is there already: name a new folder with --out") from None
    return folder
