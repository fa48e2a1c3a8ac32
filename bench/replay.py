"""Replaying the log against only consuming it, by aiokafka: the same topics, in the same run.

Decoding alone, as `rebuild all --dry-run` does, in turns with a bare consumer; then each
projection made from nothing, whose rows Cassandra writes on the same cores, also against the driver
alone, which is given the same statements again for tables that are as empty. And how fast the
digest of all of them is read.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple
from unittest import mock

from aiokafka import TopicPartition
from cassandra.cluster import ResponseFuture, Session
from cassandra.concurrent import execute_concurrent
from cassandra.query import Statement
from msgspec.structs import replace

from bench.command import command
from bench.report import Result, report
from bench.system import servers_alone
from infra.provision import create_topics
from instastream.deps import now_ms
from instastream.errors import Unready
from instastream.garbage import collect_rarely
from instastream.ids import Lease, Mint
from instastream.load.into_topics.appending import appending
from instastream.load.into_topics.inventing import MIX, StreamPlan
from instastream.load.into_topics.streaming import Bounds, stream_events
from instastream.ranges import consuming
from instastream.rebuilding import bounding, rebuilding
from instastream.rebuilding.digesting import digests
from instastream.rebuilding.projections import Projection, named
from instastream.rebuilding.replaying import replay
from instastream.rebuilding.targets import Target, serving
from instastream.settings import Settings
from instastream.steps import ignore
from instastream.stores.cassandra.session import IN_FLIGHT_MAX, open_cluster
from instastream.terminal import Steps

ROUNDS = 5
DECODED = 300_000  # events of all topics: what a consumer takes to start is then little
MADE = 20_000
EDGES_SHARE = 0.05  # of follows as usual: each is a conditional write, and thousands take minutes
LENGTH_MAX = 10_000  # records at a time
PLAN = StreamPlan(users=3_000, mix={**MIX, "follow": MIX["follow"] * EDGES_SHARE})
EVERYTHING = bounding.Bounds()
AGAINST = "a bare aiokafka consumer"
THE_DRIVER = "the driver alone, given the same statements"


class Consumed(NamedTuple):
    """How many records a bare consumer had, and how long after its start."""

    records: int
    took_s: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.took_s


def main() -> None:
    """Measure, print, write `bench/out/replay.json`."""
    command(__doc__).parse_args()
    collect_rarely()
    with Steps(events=True) as steps:
        results = asyncio.run(_measure(steps))
    report("replay", results)


async def _measure(steps: Steps) -> list[Result]:
    async with servers_alone(Steps()) as (_, environ):
        settings, projections = Settings.from_env(environ), named("all")
        apart = replace(settings, namespace="decoded")
        await create_topics(apart)
        await _fill(apart, DECODED)
        await _fill(settings, MADE)
        results = [await _decoding(projections, apart, steps)]
        async with serving(settings) as target:
            for projection in projections:
                consumed = [await _consumed(projection, apart) for _ in range(ROUNDS)]
                bare_rate = median(one.rate for one in consumed)
                results += await _making(projection, bare_rate, target, settings, steps)
            results.append(await _digesting(projections, target, steps))
    return results


async def _fill(settings: Settings, count: int) -> None:
    begins_ms, bounds = now_ms(), Bounds(count=count)
    mint = Mint(Lease(1, begins_ms, begins_ms + bounds.span_ms + 1))
    async with appending(settings) as appender:
        await stream_events(PLAN, bounds, appender, mint, report=lambda _: None)


async def _decoding(projections: list[Projection], settings: Settings, steps: Steps) -> Result:
    """Records a second of all topics, read by one after the other, and by nobody else."""
    ours, bare = [], []
    for at in range(ROUNDS + 1):  # the first warms everything up
        bare.append(sum([(await _consumed(one, settings)).took_s for one in projections]))
        replays = await rebuilding.rehearse(projections, EVERYTHING, settings, report=ignore)
        ours.append(sum(one.duration_s for one in replays))
        steps.report("decoding", at, ROUNDS)
    ratios = [theirs / mine for mine, theirs in zip(ours[1:], bare[1:], strict=True)]
    return Result(
        name="vs_aiokafka",
        value=DECODED / median(ours[1:]),
        unit="events/s",
        ratio=median(ratios),
        against=f"{AGAINST}, {DECODED / median(bare[1:]):,.0f} records/s",
    )


async def _consumed(projection: Projection, settings: Settings) -> Consumed:
    """All that a projection is made of."""
    found = await rebuilding.found_of(projection.ranges, EVERYTHING, settings)
    records = left = sum(span.length for span in found)
    begun_s = time.monotonic()
    async with consuming(settings) as consumer:
        consumer.assign(
            [TopicPartition(settings.prefix + one.topic, one.partition) for one in found]
        )
        await consumer.seek_to_beginning()
        while left > 0:
            some = await consumer.getmany(timeout_ms=500, max_records=LENGTH_MAX)
            left -= sum(map(len, some.values()))
    return Consumed(records, time.monotonic() - begun_s)


async def _making(
    projection: Projection, bare_rate: float, target: Target, settings: Settings, steps: Steps
) -> list[Result]:
    """A projection from nothing, twice: the first is for the driver, and warms everything up."""
    found = await rebuilding.found_of(projection.ranges, EVERYTHING, settings)
    with _recorded() as statements:
        await replay(projection, found, target.deps, settings, report=steps.report)
    await target.contents.empty(projection.tables)
    driven_s = await asyncio.to_thread(_driven_s, statements, settings)
    await target.contents.empty(projection.tables)
    made = await replay(projection, found, target.deps, settings, report=steps.report)
    if made.refused or not made.events:
        raise Unready(f"{projection.name}: {made.refused} events were refused")
    rivals = (
        ("aiokafka", bare_rate, f"{AGAINST}, {bare_rate:,.0f} records/s"),
        (
            "driver",
            made.records / driven_s,
            f"{THE_DRIVER}, {len(statements) / made.records:.2f} an event",
        ),
    )
    rate = made.records / made.duration_s
    return [
        Result(
            name=f"{projection.name}_vs_{name}",
            value=rate,
            unit="events/s",
            ratio=rate / theirs,
            against=against,
        )
        for name, theirs, against in rivals
    ]


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    """What Cassandra is asked meanwhile."""
    asked: list[Statement] = []
    ask = Session.execute_async

    def execute_async(session: Session, query: Statement) -> ResponseFuture:
        asked.append(query)
        return ask(session, query)

    with mock.patch.object(Session, "execute_async", execute_async):
        yield asked


def _driven_s(statements: Sequence[Statement], settings: Settings) -> float:
    """Seconds for the same, as many at once."""
    cluster = open_cluster(settings.cassandra)
    try:
        session = cluster.connect()
        begun_s = time.monotonic()
        execute_concurrent(
            session,
            ((one, ()) for one in statements),
            concurrency=IN_FLIGHT_MAX,
            raise_on_first_error=False,
        )
        return time.monotonic() - begun_s
    finally:
        cluster.shutdown()


async def _digesting(projections: list[Projection], target: Target, steps: Steps) -> Result:
    begun_s = time.monotonic()
    found = await digests(projections, target.contents, report=steps.report)
    rows = sum(one.rows for one in found)
    return Result(name="digest", value=rows / (time.monotonic() - begun_s), unit="rows/s")


if __name__ == "__main__":
    main()
