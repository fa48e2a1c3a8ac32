"""A round: load, a fault in it, and what became of it all."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

from httpx2 import AsyncClient, HTTPError
from msgspec import Struct
from msgspec.structs import replace

from instastream.errors import InstastreamError
from instastream.load.checks.checking import check
from instastream.load.checks.histories import read
from instastream.load.checks.violations import Violation
from instastream.load.over_http.running import Asked, run
from instastream.load.reporting.reports import Report, Spread
from instastream.load.reporting.spreads import Sample, Spreads
from instastream.load.scenario.scenarios import Scenario, load_scenario
from instastream.steps import Report as Progress
from tests.nemesis.faults import FAULTS
from tests.nemesis.probe import Probe
from tests.nemesis.schedule import Round
from tests.nemesis.target import Target
from tests.nemesis.traces import Traces

LOAD = Path(__file__).with_name("load.toml")
RECOVERED_S_MAX = 180.0  # then it did not
LETTERS_MAX = 10_000  # that are read: poison in every topic is buried by each worker, and again


class Outcome(Struct, frozen=True, kw_only=True):
    """What a round came to; what is not known where it could not be played is None."""

    round: Round
    violations: list[Violation]
    recovery_s: float | None = None  # from the begin of healing; None where it did not
    took_s: float
    load: Spread | None  # its operations by their ends, as in docs/load-testing.md
    seen: dict[str, int] = {}  # what clients saw instead of an answer that they wanted


async def play(one: Round, target: Target, folder: Path, progress: Progress) -> Outcome:
    """Play it, and leave the system running as it was; its history stays in `folder`."""
    began_s = monotonic()
    await asyncio.to_thread(folder.mkdir, parents=True)
    try:
        return await _play(one, target, folder, progress)
    except (
        InstastreamError,
        HTTPError,
        ExceptionGroup,
    ) as error:  # such as a server that can't be started again
        said = "The round could not be played to its end."
        violation = Violation("unplayed", said, {"why": repr(error)})
        took_s = monotonic() - began_s
        return Outcome(round=one, violations=[violation], took_s=took_s, load=None)


async def _play(one: Round, target: Target, folder: Path, progress: Progress) -> Outcome:
    began_s = monotonic()
    async with AsyncClient(base_url=target.api, timeout=10.0, trust_env=False) as http:
        probe = await Probe.ready(http)
        loading = Loading(one, target, folder, progress)
        try:
            await loading.begun()
            traces, recovery_s = await _afflict(one, target, probe)
            report = await loading.ended()
        finally:
            await loading.cancel()
    checked = await _checked(target, folder, progress)
    violations = traces.judge(checked, before=target.poisoned)
    if recovery_s is None:
        said = f"Not everything worked again within {RECOVERED_S_MAX:g} s."
        violations.append(Violation("not-recovered", said, {}))
    for row in target.ended():
        evidence = {"name": row.name, "log": row.log}
        violations.append(Violation("ended", "A process ended by itself.", evidence))
    return Outcome(
        round=one,
        violations=violations,
        recovery_s=recovery_s,
        took_s=monotonic() - began_s,
        load=report.all,
        seen=_seen(report.problems),
    )


async def _afflict(one: Round, target: Target, probe: Probe) -> tuple[Traces, float | None]:
    """The fault, and how long it took from when its healing began until all worked again."""
    await asyncio.sleep(one.after_s)
    async with FAULTS[one.fault](target, one.of, one.random) as traces:
        await asyncio.sleep(one.held_s)
        healed_s = monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(RECOVERED_S_MAX):
            await probe.pass_()
            return traces, monotonic() - healed_s
    return traces, None


async def _checked(target: Target, folder: Path, progress: Progress) -> list[Violation]:
    """A system that can't even be asked breaks every promise."""
    asked = partial(
        check,
        api=target.api,
        settings=target.settings,
        report=progress,
        per_rule_max=LETTERS_MAX,
    )
    try:
        return await asked(read(folder))
    except InstastreamError as error:
        return [Violation("unasked", "The system could not be asked.", {"why": str(error)})]


class Loading:
    """A load that goes on in the background."""

    def __init__(self, one: Round, target: Target, folder: Path, progress: Progress) -> None:
        self._begun = asyncio.Event()
        asked = Asked(api=target.api, folder=folder)
        self._task = asyncio.create_task(
            run(_scenario(one), asked, progress=progress, watch=self._watch, sample=Sample)
        )

    def _watch(self, spreads: Spreads, at_s: float) -> None:
        if at_s >= 0:
            self._begun.set()

    async def begun(self) -> None:
        """Returns when it has, or raises why it could not."""
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait((begun, self._task), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._task.done():
            self._task.result()

    async def ended(self) -> Report:
        """What it came to. Whoever is cancelled meanwhile is, though a load then only ends."""
        await asyncio.wait([self._task])
        return self._task.result()

    async def cancel(self) -> None:
        """Nothing of it goes on."""
        self._task.cancel()
        await asyncio.wait([self._task])


def _scenario(one: Round) -> Scenario:
    scenario = load_scenario(str(LOAD))
    media = replace(scenario.media, videos=one.videos)
    return replace(scenario, seed=one.seed, duration_s=one.lasts_s, media=media)


def _seen(problems: Mapping[str, int]) -> dict[str, int]:
    """The problems of a report, without what is different in each."""
    seen: Counter[str] = Counter()
    for problem, times in problems.items():
        status, _, rest = problem.partition(": ")
        if status.isdecimal():
            seen[status] += times
        elif "can't be reached" in problem:
            seen["no connection"] += times
        elif rest and problem.startswith("the connection broke"):
            seen["broken connection"] += times
        else:
            seen[problem] += times
    return dict(seen.most_common())
