"""The load generators against what they must not be slower than by much.

Requests of one core against wrk's, of an nginx that says hello. Graphs as `bench.graphs`.

Events straight into topics, by a process for each core, and by one, against Kafka's own
kafka-producer-perf-test, which has two threads: records of the same size, acks, batch size and
count, in turns, on a broker that nobody else uses. By the clock, and by the CPU they take.
"""

import asyncio
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from bench import graphs, hello_load
from bench.command import command
from bench.report import Result, report
from bench.rivals.producing import produce
from bench.system import servers_alone
from instastream.deps import now_ms
from instastream.ids import Lease, Mint
from instastream.load.into_topics.appending import BATCH_BYTES, appending
from instastream.load.into_topics.inventing import StreamPlan
from instastream.load.into_topics.pouring import UNPACED_LINGER_S, Poured
from instastream.load.into_topics.streaming import Bounds, stream_events
from instastream.settings import Settings
from instastream.terminal import Steps

ROUNDS = 3
PROCESSES = 2
COUNT = 300_000  # records of each, in each round
USERS = 1_000
FRAME_BYTES = 10  # of a record without key and headers, beside its value
RIVAL_TOPIC = "fanout"  # of twelve partitions, like most of ours


@dataclass
class Taken:
    """What records took, by the clock and of the generator's CPU."""

    records: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, poured: Poured, cpu_s: float) -> None:
        """One more round."""
        self.records += poured.count
        self.wall_s += poured.took_s
        self.cpu_s += cpu_s

    @property
    def rate(self) -> float:
        """A second, by the clock."""
        return self.records / self.wall_s


def main() -> None:
    """Measure, print, write `bench/out/load.json`."""
    command(__doc__).parse_args()
    with Steps() as steps:
        results = asyncio.run(_measure(steps))
    report("load", [*hello_load.measure(), *results, *graphs.measure()])


async def _measure(steps: Steps) -> list[Result]:
    async with servers_alone(steps) as (_, environ):
        return await _against_perf_test(Settings.from_env(environ), steps)


async def _against_perf_test(settings: Settings, steps: Steps) -> list[Result]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        warm, _ = await _ours(settings, pool, PROCESSES)
        record_bytes = warm.size_bytes // warm.count - FRAME_BYTES
        all_, alone, theirs = Taken(), Taken(), Taken()
        for done in range(ROUNDS):
            all_.add(*await _ours(settings, pool, PROCESSES))
            theirs.add(*await _theirs(settings, record_bytes, steps))
            alone.add(*await _ours(settings, pool, 1))
            steps.report("events into topics", done + 1, ROUNDS)
    rival = f"kafka-producer-perf-test, {record_bytes + FRAME_BYTES} bytes a record"
    return [
        _result("topic_vs_kafka_perf", all_, theirs, f"{rival}; {PROCESSES} processes"),
        _result("topic_alone_vs_kafka_perf", alone, theirs, f"{rival}; one process"),
        Result(
            name="topic_cpu_vs_kafka_perf",
            value=1e6 * alone.cpu_s / alone.records,
            unit="CPU us/event",
            ratio=theirs.cpu_s / alone.cpu_s,
            against=f"{rival}, {1e6 * theirs.cpu_s / theirs.records:.1f} us",
        ),
        Result(name="kafka_perf", value=theirs.rate, unit="records/s"),
    ]


def _result(name: str, ours: Taken, theirs: Taken, against: str) -> Result:
    ratio = ours.rate / theirs.rate
    return Result(name=name, value=ours.rate, unit="events/s", ratio=ratio, against=against)


async def _theirs(settings: Settings, record_bytes: int, steps: Steps) -> tuple[Poured, float]:
    took_s, cpu_s = await produce(
        settings,
        RIVAL_TOPIC,
        count=COUNT,
        record_bytes=record_bytes,
        linger_ms=int(UNPACED_LINGER_S * 1000),
        batch_bytes=BATCH_BYTES,
        report=steps.report,
    )
    return Poured(count=COUNT, took_s=took_s), cpu_s


async def _ours(settings: Settings, pool: Executor, processes: int) -> tuple[Poured, float]:
    """What processes of as much each poured together, and the CPU seconds that it took."""
    loop = asyncio.get_running_loop()
    done = await asyncio.gather(
        *(
            loop.run_in_executor(pool, _stream, settings, worker, processes)
            for worker in range(processes)
        )
    )
    poured = Poured(
        count=sum(one.count for one, _ in done),
        took_s=max(one.took_s for one, _ in done),
        size_bytes=sum(one.size_bytes for one, _ in done),
    )
    return poured, sum(cpu_s for _, cpu_s in done)


def _stream(settings: Settings, worker: int, processes: int) -> tuple[Poured, float]:
    plan = StreamPlan(seed=worker, users=USERS // processes, posts=USERS // processes)
    bounds = Bounds(count=COUNT // processes)
    begins_ms, cpu_s = now_ms(), time.process_time()
    mint = Mint(Lease(worker, begins_ms, begins_ms + bounds.span_ms + 1))  # nobody else mints here

    async def stream() -> Poured:
        async with appending(settings) as appender:
            return await stream_events(plan, bounds, appender, mint, report=lambda _: None)

    return asyncio.run(stream()), time.process_time() - cpu_s


if __name__ == "__main__":
    main()
