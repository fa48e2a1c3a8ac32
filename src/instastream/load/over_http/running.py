"""A run: what is there before, the processes that generate, and what they measured together."""

import asyncio
import math
import multiprocessing
import secrets
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from instastream.errors import Unready
from instastream.load.checks.histories import VERSION, Entry, writing
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.generating import Share, generate
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.preparing import Preparing, newcomers
from instastream.load.over_http.wire import Lost, Web
from instastream.load.reporting.reports import Report
from instastream.load.reporting.spreads import Measured, Sample, Spreads
from instastream.load.scenario.graphs import Graph
from instastream.load.scenario.plans import Plan, graph_of
from instastream.load.scenario.scenarios import Scenario
from instastream.steps import Report as Progress

BEGIN_S = 2.0  # until every process has imported what it needs
PLAN_S = 20e-6  # an operation, on a slow machine: each process passes over all before the first
LOOK_S = 0.2
REACH_S = 5.0
END_S = 10.0  # for what is under way where another generator failed

Watch = Callable[[Spreads, float], None]  # what is measured so far, and seconds since the start
Sampler = Callable[[], Sample]


class Asked(Struct, frozen=True, kw_only=True):
    """How a scenario is run: from where, with how much, and what becomes of its history."""

    api: str
    folder: Path
    processes: int = 1
    at_once: int = 1_000  # operations under way, in all
    is_owned: bool = False  # wherever it lies, and whatever its answers name


async def run(
    scenario: Scenario, asked: Asked, *, progress: Progress, watch: Watch, sample: Sampler
) -> Report:
    """Prepare, generate and measure. Where it is cancelled while it generates, it comes to an end.

    Raises Unready where the target is not there, or stops answering before the start.
    """
    graph = await asyncio.to_thread(graph_of, scenario)
    opening, whole = Plan(scenario, graph), Plan(scenario, graph)
    planned = await asyncio.to_thread(lambda: sum(1 for _ in whole.operations()))
    name, clock = secrets.token_hex(4), Clock.started()
    people = newcomers(graph.users, run=name)
    header = _header(scenario, asked, name, clock)
    with TemporaryDirectory(prefix="load-") as work:
        file = Path(work) / "posts"
        with PostIds.made(file, len(whole.authors)) as posts:
            await _prepare(
                scenario, asked, header, people, posts, (graph, opening), clock, progress
            )
        start_ms = clock.now_ms() + 1e3 * (BEGIN_S + planned * PLAN_S)
        shares = [
            Share(
                number=number,
                of=asked.processes,
                scenario=scenario,
                header=header,
                people=people,
                folder=str(asked.folder),
                posts=str(file),
                clock=clock,
                start_ms=start_ms,
                at_once=max(1, asked.at_once // asked.processes),
                is_owned=asked.is_owned,
            )
            for number in range(asked.processes)
        ]
        generators = Generators(shares, clock=clock, start_ms=start_ms)
        samples = await generators.run(watch, sample)
    took_s = min(max((generators.stopped_ms - start_ms) / 1e3, 0.0), scenario.duration_s)
    return _report(scenario, asked, generators.spreads, samples, start_ms, took_s, planned)


async def _prepare(
    scenario: Scenario,
    asked: Asked,
    header: Entry,
    people: list[Person],
    posts: PostIds,
    world: tuple[Graph, Plan],
    clock: Clock,
    progress: Progress,
) -> None:
    web = Web(is_owned=asked.is_owned)
    try:
        await _reach(asked.api, web)
        history = asked.folder / "load.before.jsonl"
        with writing(history, header, now_ms=clock.now_ms) as notes:
            api = Api(asked.api, web)
            doer = Doer(scenario, api, people, posts, notes, clock)
            await Preparing(doer).run(*world, progress)
    finally:
        web.close()


async def _reach(api: str, web: Web) -> None:
    try:
        answer = await web.ask("GET", f"{api.rstrip('/')}/readyz", timeout_s=REACH_S)
    except Lost as error:
        raise Unready(f"there is no instastream at {api}: {error}; `make up` starts one") from error
    if answer.status != 200:
        why = answer.body[:200].decode(errors="replace")
        raise Unready(f"{api} is not ready: {answer.status} {why}")


class Generators:
    """The processes that generate, and what they tell."""

    def __init__(self, shares: Sequence[Share], *, clock: Clock, start_ms: float) -> None:
        self._clock = clock
        self._start_ms = start_ms
        self.spreads = Spreads()
        self.stopped_ms = math.inf  # when it was cancelled: what ends later was due before
        self._told: list[Connection] = []
        self._running = []
        spawning = multiprocessing.get_context("spawn")
        for share in shares:
            told, tells = spawning.Pipe(duplex=False)
            encoded = msgspec.msgpack.encode(share)
            process = spawning.Process(target=generate, args=(encoded, tells), daemon=True)
            process.start()
            tells.close()
            self._told.append(told)
            self._running.append(process)

    async def run(self, watch: Watch, sample: Sampler) -> dict[int, Sample]:
        """Until all have ended; once cancelled, until what is under way has.

        Each second what was measured is looked at; a sample is of the second that it ends.
        """
        samples: dict[int, Sample] = {}
        looked_s = -math.inf
        try:
            while self._told:
                try:
                    await asyncio.sleep(LOOK_S)
                except asyncio.CancelledError:
                    self.stopped_ms = min(self.stopped_ms, self._clock.now_ms())
                    for process in self._running:
                        process.terminate()  # begins nothing any more
                self._hear()
                at_s = (self._clock.now_ms() - self._start_ms) / 1e3
                if (second := math.floor(at_s)) > looked_s:
                    looked_s = second
                    samples[second - 1] = sample()
                    watch(self.spreads, at_s)
            stopped = self.stopped_ms < math.inf
            for process in self._running:
                process.join()
                if process.exitcode not in (0, -signal.SIGTERM if stopped else 0):
                    raise Unready(f"a generator ended with {process.exitcode}: see above")
        finally:
            await self._end()
        return {second: one for second, one in samples.items() if second >= 0}

    async def _end(self) -> None:
        """What still runs comes to its end, so that its history is whole; or else is killed."""
        for process in self._running:
            process.terminate()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    while any(process.is_alive() for process in self._running):
                        with suppress(Unready):  # one is told already
                            self._hear()  # or whoever tells waits for room
                        await asyncio.sleep(LOOK_S)
        finally:
            for process in self._running:
                process.kill()

    def _hear(self) -> None:
        for told in list(self._told):
            try:
                while told.poll():
                    said = msgspec.msgpack.decode(told.recv_bytes(), type=Measured | str)
                    if isinstance(said, str):
                        raise Unready(said)
                    self.spreads.add(said)
            except EOFError:
                told.close()
                self._told.remove(told)


def _header(scenario: Scenario, asked: Asked, name: str, clock: Clock) -> Entry:
    return Entry(
        phase="header",
        at_ms=clock.now_ms(),
        version=VERSION,
        scenario=scenario.name,
        seed=scenario.seed,
        api=asked.api,
        run=name,
        limits={"page_length": scenario.page_length},
    )


def _report(
    scenario: Scenario,
    asked: Asked,
    spreads: Spreads,
    samples: dict[int, Sample],
    start_ms: float,
    took_s: float,
    planned: int,
) -> Report:
    whole = spreads.all()
    return Report(
        scenario=scenario.name,
        seed=scenario.seed,
        target=asked.api,
        began_ms=round(start_ms),
        took_s=took_s,
        generators=asked.processes,
        planned_per_s=planned / scenario.duration_s,
        reached_per_s=whole.ok / took_s if took_s else 0.0,
        by_kind=spreads.by_kind(),
        all=whole,
        ticks=spreads.ticks(samples),
        problems=dict(spreads.problems),
        violations=None,
        histograms=spreads.histograms(),
    )
