"""Another generation of the projections, made from the log while the one that serves goes on.

Nobody reads the shadow, and only the replay writes it, so that it is what the log says. It is
compared with what serves, and can take its place.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from dataclasses import replace as with_deps
from secrets import token_hex
from typing import Any, TypeVar

from msgspec.structs import replace

from infra.tables import create_generation, drop_generations
from instastream.deps import projecting
from instastream.errors import InstastreamError, Unavailable, Unready
from instastream.rebuilding.bounding import Bounds
from instastream.rebuilding.projections import Projection
from instastream.rebuilding.rebuilding import found_of
from instastream.rebuilding.replaying import Replayed, replay
from instastream.rebuilding.targets import Target, Unpublished, serving
from instastream.settings import Settings
from instastream.steps import Report, ignore
from instastream.stores.cassandra.contents import CassandraContents
from instastream.stores.cassandra.generations import SETTLED_S, Serving, keyspace_of
from instastream.stores.cassandra.session import open_session

PAUSE_S = 2.0  # workers that are caught up have handled by then what the shadow has
ENDED_WITHIN_S = 30.0  # after a cancellation: the last follow takes seconds, unless a store is down

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shadow:
    """Some projections of a generation, beside those that serve."""

    generation: int
    projections: Sequence[Projection]
    serves: Target
    target: Target
    settings: Settings
    done: dict[tuple[str, int], int] = field(default_factory=dict)  # by partition, what comes next
    refusing: list[Replayed] = field(default_factory=list)  # while it followed

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
        """Catch up, after a while, without a word; what was refused is in `refusing`."""
        await asyncio.sleep(pause_s)
        self.refusing.extend(one for one in await self.catch_up(ignore) if one.refused)


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
        except BaseException:
            with suppress(Unavailable):  # what failed first is told; the next drops these
                await _drop_others(serves, settings, lease)
            raise
        await _drop_others(serves, settings, lease)


async def _drop_others(serves: Target, settings: Settings, lease: asyncio.Timeout) -> None:
    """Those that neither serve nor did before, unless another may make one by now."""
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


async def swap(beside: Shadow, say: Callable[[str], None]) -> None:
    """The shadow serves, everywhere within a second, and what served is kept.

    Nothing is refused, and nothing lost, whoever reads and writes meanwhile; counting waits for
    some seconds. Whoever still wrote to the generation before, wrote what stands in the log: the
    shadow follows until nobody does, also where this is cancelled meanwhile. Raises Unready where
    another swap is under way, an event was refused, or this one took too long: nothing has changed
    then; and where it serves, but could not follow: that is said.
    """
    generations, token = beside.serves.generations, token_hex(8)
    if not await generations.hold(token):
        raise Unready("another swap is under way: wait a minute")
    try:
        before = await generations.ask()
        await beside.follow(SETTLED_S)
        _judge(beside.refusing)
        if not await _to_its_end(_take_over(beside, before, token, say)):
            raise Unready("the shadow did not catch up in time: repeat this when less happens")
    except BaseException:
        with suppress(InstastreamError):
            await generations.release(token)
        raise


def _judge(refusing: Sequence[Replayed]) -> None:
    if refusing:
        first = refusing[0].refusals[0]
        raise Unready(
            f"{sum(one.refused for one in refusing)} events could not be handled, and nothing was "
            f"swapped; {first.topic}/{first.partition}:{first.offset}: {first.error}"
        )


async def _take_over(
    beside: Shadow, before: Serving, token: str, say: Callable[[str], None]
) -> bool:
    """Whether it serves, and has all that was still written to the generation before."""
    serves = "may serve"
    try:
        if not await _serves(beside, before, token):
            return False
        serves = "serves"
        say(f"generation {beside.generation} of the projections serves")
        await beside.follow(SETTLED_S)
        await beside.serves.deps.changes.forget()
    except (InstastreamError, asyncio.CancelledError) as error:
        raise Unready(
            f"generation {beside.generation} {serves}, and may lack what was written in the "
            f"seconds around the swap ({str(error) or 'stopped'}): run `instastream rebuild "
            f"users`, `instastream rebuild graph` and `instastream rebuild posts`"
        ) from error
    return True


async def _serves(beside: Shadow, before: Serving, token: str) -> bool:
    """Whether it does: an answer that was lost is asked for."""
    generations = beside.serves.generations
    try:
        return await generations.serve(beside.generation, before=before.generation, token=token)
    except InstastreamError:
        return (await generations.ask()).generation == beside.generation


async def _to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Whoever is cancelled waits for it, for a while, and is cancelled then; twice ends it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        async with asyncio.timeout(ENDED_WITHIN_S):
            await task
        raise
