"""What becomes of what the generator processes tell, second by second."""

import asyncio
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import pytest

from instastream.load.over_http import running
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.running import Asked, Generators, Sampler, Watch, run
from instastream.load.reporting.spreads import Sample, Spreads
from instastream.load.scenario.scenarios import load_scenario
from instastream.steps import ignore


class Stepping:
    """A clock that goes on by 0.4 s whenever it is looked at."""

    def __init__(self) -> None:
        self._steps = count(-1_000, 400)

    def now_ms(self) -> float:
        return float(next(self._steps))


@pytest.fixture
def generating(monkeypatch: pytest.MonkeyPatch) -> tuple[Generators, Connection]:
    """Generators, and what one of them has to close at its end."""
    monkeypatch.setattr(running, "LOOK_S", 0)
    generators = Generators([], clock=cast("Clock", Stepping()), start_ms=0)
    told, end = Pipe(duplex=False)
    generators._told.append(told)
    return generators, end


async def test_a_sample_is_of_the_second_that_it_ends(
    generating: tuple[Generators, Connection],
) -> None:
    generators, end = generating
    looks_s: list[float] = []

    def watch(spreads: Spreads, at_s: float) -> None:
        looks_s.append(at_s)
        if at_s > 2:
            end.close()

    samples = await generators.run(watch, lambda: Sample(cpu={"api": len(looks_s)}))
    assert looks_s == [-1.0, 0.2, 1.0, 2.2]
    assert samples == {0: Sample(cpu={"api": 2}), 1: Sample(cpu={"api": 3})}


async def test_a_run_that_is_stopped_took_until_then_however_late_its_last_answers_are(
    generating: tuple[Generators, Connection],
) -> None:
    generators, end = generating

    def watch(spreads: Spreads, at_s: float) -> None:
        if 1 < at_s < 5:
            task.cancel()
        if at_s > 5:
            end.close()

    task = asyncio.ensure_future(generators.run(watch, Sample))
    await task
    assert generators.stopped_ms == 2_600


class Stopped(Generators):
    """Whoever asked has changed their mind before anything began."""

    def __init__(self, *_: object, start_ms: float, **__: object) -> None:
        self.spreads = Spreads()
        self.stopped_ms = start_ms - 1_000

    async def run(self, watch: Watch, sample: Sampler) -> dict[int, Sample]:
        return {}


async def test_a_run_that_is_stopped_before_it_begins_took_no_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(running, "_prepare", nothing)
    monkeypatch.setattr(running, "Generators", Stopped)
    report = await run(
        load_scenario("smoke"),
        Asked(api="http://127.0.0.1:9", folder=tmp_path),
        progress=ignore,
        watch=lambda spreads, at_s: None,
        sample=Sample,
    )
    assert (report.took_s, report.reached_per_s, report.ticks) == (0.0, 0.0, [])
