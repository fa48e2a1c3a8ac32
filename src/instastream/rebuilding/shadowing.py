"""Another generation of the projections, made from the log while the one that serves goes on.

Nobody reads the shadow, and only the replay writes it, so that it is what the log says. It is
compared with what serves, and can take its place.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from dataclasses import replace as with_deps
from secrets import token_hex

from msgspec.structs import replace

from infra.tables import create_generation, drop_generations
from instastream.deps import projecting
from instastream.errors import InstastreamError, Unready
from instastream.rebuilding.bounding import Bounds
from instastream.rebuilding.projections import Projection
from instastream.rebuilding.rebuilding import found_of
from instastream.rebuilding.replaying import Replayed, replay
from instastream.rebuilding.targets import Target, Unpublished, serving
from instastream.settings import Settings
from instastream.steps import Report, ignore
from instastream.stores.cassandra.contents import CassandraContents
from instastream.stores.cassandra.generations import SETTLED_S, Generations, Serving, keyspace_of
from instastream.stores.cassandra.session import open_session

PAUSE_S = 2.0  # workers that are caught up have handled by then what the shadow has


@dataclass(frozen=True)
class Shadow:
    """Some projections of a generation, beside those that serve."""

    generation: int
    projections: Sequence[Projection]
    serves: Target
    target: Target
    settings: Settings
    done: dict[tuple[str, int], int] = field(default_factory=dict)  # by partition, what comes next

    async def catch_up(self, report: Report) -> list[Replayed]:
        """Replay what the log has by now and the shadow has not."""
        replays = []
        for projection in self.projections:
            found = await found_of(projection.ranges, Bounds(), self.settings)
            wanted = [replace(span, begin=self.done.get(span.place, span.begin)) for span in found]
            replays.append(
                await replay(projection, wanted, self.target.deps, self.settings, report=report)
            )
            self.done.update((span.place, span.end) for span in wanted)
        return replays

    async def follow(self, pause_s: float = PAUSE_S) -> None:
        """Catch up, after a while, without a word."""
        await asyncio.sleep(pause_s)
        await self.catch_up(ignore)


@asynccontextmanager
async def shadow(projections: Sequence[Projection], settings: Settings) -> AsyncIterator[Shadow]:
    """A new generation of some projections; it is gone at the end unless it serves by then.

    Raises Unready where another is made.
    """
    async with serving(settings) as serves, serves.generations.alone() as lease:
        before = await serves.generations.ask()
        await asyncio.to_thread(create_generation, settings, before.following)
        try:
            async with _beside(before.following, projections, serves, settings) as beside:
                yield beside
        finally:
            if not lease.expired():
                kept = (await serves.generations.ask()).kept
                await asyncio.to_thread(drop_generations, settings, kept=kept)


@asynccontextmanager
async def former(projections: Sequence[Projection], settings: Settings) -> AsyncIterator[Shadow]:
    """The generation that served before; raises Unready where there is none, or one is made."""
    async with serving(settings) as serves, serves.generations.alone():
        before = (await serves.generations.ask()).before
        if before is None:
            raise Unready("no other generation served before: there is nothing to go back to")
        async with _beside(before, projections, serves, settings) as beside:
            yield beside


@asynccontextmanager
async def _beside(
    generation: int, projections: Sequence[Projection], serves: Target, settings: Settings
) -> AsyncIterator[Shadow]:
    keyspace = keyspace_of(settings.keyspace, generation)
    async with open_session(settings, projected=keyspace) as session:
        deps = with_deps(projecting(session, serves.deps), counts=Unpublished(serves.deps.counts))
        target = Target(
            deps=deps, contents=CassandraContents(session), generations=session.generations
        )
        yield Shadow(generation, projections, serves, target, settings)


async def swap(beside: Shadow) -> None:
    """The shadow serves, everywhere within a second, and what served is kept.

    Nothing is refused, and nothing lost, whoever reads and writes meanwhile; counting waits for
    some seconds. Whoever still wrote to the generation before, wrote what stands in the log: the
    shadow follows until nobody does. Raises Unready where another swap is under way, or this one
    took too long: nothing has changed then.
    """
    generations, token = beside.serves.generations, token_hex(8)
    if not await generations.hold(token):
        raise Unready("another swap is under way: wait a minute")
    try:
        before = await generations.ask()
        await beside.follow(SETTLED_S)
        if not await _serves(beside, before, generations, token):
            raise Unready("the shadow did not catch up in time: repeat this when less happens")
    except BaseException:
        with suppress(InstastreamError):
            await generations.release(token)
        raise
    await beside.serves.deps.changes.forget()
    await beside.follow(SETTLED_S)
    await beside.serves.deps.changes.forget()


async def _serves(beside: Shadow, before: Serving, generations: Generations, token: str) -> bool:
    """Whether it does: an answer that was lost is asked for."""
    try:
        return await generations.serve(beside.generation, before=before.generation, token=token)
    except InstastreamError:
        return (await generations.ask()).generation == beside.generation
