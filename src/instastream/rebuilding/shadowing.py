"""Makes projections a second time, in a keyspace of their own, while the first ones serve.

Nobody reads the shadow, and only the replay writes it, so that it is what the log says: where
what serves is something else, that is at fault.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from infra.tables import create_shadow, drop_shadow
from instastream.deps import projecting
from instastream.ranges import Range, Span, consuming, spans
from instastream.rebuilding.projections import Projection
from instastream.rebuilding.replaying import Replayed, Report, replay
from instastream.rebuilding.targets import Target, serving, silent
from instastream.settings import Settings
from instastream.stores.cassandra.contents import CassandraContents
from instastream.stores.cassandra.session import open_session

PAUSE_S = 2.0  # workers that are caught up have handled by then what the shadow has


class Shadow:
    """Some projections, beside those that serve."""

    def __init__(
        self,
        projections: Sequence[Projection],
        serves: Target,
        target: Target,
        settings: Settings,
    ) -> None:
        self.serves = serves
        self.contents = target.contents
        self._projections = projections
        self._deps = target.deps
        self._settings = settings
        self._done: dict[tuple[str, int], int] = {}  # by partition, what comes next

    async def catch_up(self, report: Report) -> AsyncIterator[Replayed]:
        """Replay what the log has by now and the shadow has not."""
        for projection in self._projections:
            wanted = [
                replace(span, begin=self._done.get(span.place, span.begin))
                for span in await self._spans(projection)
            ]
            replayed = await replay(
                projection, wanted, self._deps, self._settings, report=report
            )
            self._done |= {span.place: span.end for span in wanted}
            yield replayed

    async def follow(self) -> None:
        """Catch up, after a while, without a word."""
        await asyncio.sleep(PAUSE_S)
        async for _ in self.catch_up(lambda *_: None):
            pass

    async def _spans(self, projection: Projection) -> list[Span]:
        ranges = [Range(topic=topic) for topic in projection.topics]
        async with consuming(self._settings) as consumer:
            return await spans(consumer, ranges, self._settings)


@asynccontextmanager
async def shadow(
    projections: Sequence[Projection], settings: Settings
) -> AsyncIterator[Shadow]:
    """Empty tables of some projections, gone at the end; only one shadow at a time."""
    tables = [table for one in projections for table in (*one.tables, *one.derived)]
    async with serving(settings) as serves:
        await asyncio.to_thread(create_shadow, settings, tables)
        try:
            async with open_session(settings, keyspace=settings.shadow_keyspace) as session:
                deps = silent(projecting(session, serves.deps))
                target = Target(deps=deps, contents=CassandraContents(session))
                yield Shadow(projections, serves, target, settings)
        finally:
            await asyncio.to_thread(drop_shadow, settings)
