"""Makes projections again from the log, where they are: docs/decisions/0033.

Repeated, or stopped and begun again, it comes to the same. What is counted has one writer for each
of its shards, so the workers that count must not run meanwhile, nor a command that does: what they
count first hides what comes before it.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import nullcontext

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from instastream.errors import Unready
from instastream.handlers.engagement import COUNTING
from instastream.ids import UserId
from instastream.log import translated
from instastream.ranges import Range, Span, consuming, spans
from instastream.reading.rebuilding import renew_all
from instastream.rebuilding.bounding import Bounds, of_keys, planned
from instastream.rebuilding.projections import Projection
from instastream.rebuilding.replaying import Replayed, replay
from instastream.rebuilding.targets import Target
from instastream.settings import Settings
from instastream.steps import Report

LISTED = {"graph", "posts"}  # what readers' lists are made of
LISTS = "feeds"
ANSWERED = {0, 69}  # Kafka's codes for a group that is known, and for one that nobody was ever in
RUNS = (
    f"a worker {COUNTING} runs: stop all of them, and start them when this is done; one that was "
    f"killed is forgotten after six seconds"
)
STARTED = (
    f"a worker {COUNTING} was started meanwhile, and what it counted may hide what came before: "
    f"stop it, and rebuild likes and comments with --drop"
)


async def rebuild(
    projections: Sequence[Projection],
    bounds: Bounds,
    target: Target,
    settings: Settings,
    *,
    drop: bool = False,
    report: Report,
) -> AsyncIterator[Replayed]:
    """Replay what some projections are made of: into what is there or, with `drop`, from nothing,
    which takes all of the log.

    Whoever keeps something of them in memory forgets it then, and where posts or the graph were
    made again from all of the log, so are the readers' lists that there are. Raises Unready where
    counting workers run, or do at the end, or another command writes what is counted, and for
    bounds that would leave something wrong.
    """
    assert bounds.is_all or not drop
    plan = planned(projections, bounds)
    is_counted = any(projection.is_counted for projection, _ in plan)
    async with target.generations.alone() if is_counted else nullcontext():
        if is_counted and await _members(settings.prefix + COUNTING, settings):
            raise Unready(RUNS)
        if drop:
            for projection, _ in plan:
                await target.contents.empty([*projection.derived, *projection.tables])
        try:
            for projection, ranges in plan:
                found = await found_of(ranges, bounds, settings)
                yield await replay(
                    projection, found, target.deps, settings, keys=bounds.keys, report=report
                )
        finally:
            await target.deps.changes.forget()
        if bounds.is_all and LISTED & {projection.name for projection, _ in plan}:
            await renew_lists(target, report)
        if is_counted and await _members(settings.prefix + COUNTING, settings):
            raise Unready(STARTED)


async def rehearse(
    projections: Sequence[Projection],
    bounds: Bounds,
    settings: Settings,
    *,
    report: Report,
) -> list[Replayed]:
    """Read and decode what would be replayed, and write nothing."""
    return [
        await replay(
            projection,
            await found_of(ranges, bounds, settings),
            None,
            settings,
            keys=bounds.keys,
            report=report,
        )
        for projection, ranges in planned(projections, bounds)
    ]


async def found_of(ranges: Sequence[Range], bounds: Bounds, settings: Settings) -> list[Span]:
    """What of some ranges is there now."""
    async with consuming(settings) as consumer:
        found = await spans(
            consumer, ranges, settings, since_ms=bounds.since_ms, until_ms=bounds.until_ms
        )
    return of_keys(found, bounds.keys)


async def _members(group: str, settings: Settings) -> Collection[object]:
    """Those of a group; raises Unavailable where its coordinator doesn't know them yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    with translated():
        try:
            await admin.start()
            [described] = await admin.describe_consumer_groups([group])
        finally:
            await admin.close()
        code, *_ = described.groups[0]
        if code not in ANSWERED:
            raise for_code(code)(f"who is in {group} is not known")
    members: Collection[object] = described.groups[0][5]
    return members


async def renew_lists(target: Target, report: Report) -> None:
    """Every reader's list that there is is made anew of what serves."""

    def told(_: str, done: int, total: int) -> None:
        report(LISTS, done, total)

    async for _ in renew_all(target.deps, after=UserId(""), dry_run=False, report=told):
        pass
