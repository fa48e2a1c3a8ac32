"""What becomes of what the generator processes tell, second by second."""

import asyncio
import signal
import threading
import time
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import msgspec
import pytest

from instastream.errors import Unready
from instastream.load.checks.histories import Entry, read, writing
from instastream.load.over_http import running
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.generating import Share
from instastream.load.over_http.running import Asked, Generators, Sampler, Watch, run
from instastream.load.reporting.spreads import Recorder, Sample, Spreads
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


def generate_or_fail(encoded: bytes, told: Connection) -> None:
    """In a process of its own: the first fails once all have begun, others go on until SIGTERM."""
    number, folder, ends = msgspec.msgpack.decode(encoded, type=tuple[int, str, bool])
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    header = Entry(phase="header", at_ms=0, version=2)
    with writing(Path(folder, f"{number}.jsonl"), header, now_ms=lambda: 1.0):
        while number == 0 and not Path(folder, "1.jsonl").exists():
            time.sleep(0.01)
        if number == 0:
            told.send_bytes(msgspec.msgpack.encode("the disk is full"))
            return
        stopping.wait()
        for _ in range(10_000):  # more than a pipe has room for, where nobody listens
            told.send_bytes(msgspec.msgpack.encode(Recorder(0).take()))
        time.sleep(0 if ends else 10)


async def failed(folder: Path, *, ends: bool) -> Generators:
    """Two generators, one of which has failed."""
    shares = [cast("Share", (number, str(folder), ends)) for number in range(2)]
    generators = Generators(shares, clock=Clock.started(), start_ms=0)
    with pytest.raises(Unready, match="the disk is full"):
        await generators.run(lambda spreads, at_s: None, Sample)
    return generators


async def test_where_a_generator_fails_the_histories_of_the_others_are_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "generate", generate_or_fail)
    await failed(tmp_path, ends=True)
    assert [entry.phase for entry in read(tmp_path / "1.jsonl")] == ["header", "footer"]


async def test_one_that_does_not_end_then_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, "generate", generate_or_fail)
    monkeypatch.setattr(running, "END_S", 0.5)
    generators = await failed(tmp_path, ends=False)
    [_, process] = generators._running
    process.join(5)
    assert process.exitcode == -signal.SIGKILL


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
