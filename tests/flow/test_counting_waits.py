"""A batch is done once it is counted and shown: where it can't be shown, it waits."""

import dataclasses
from collections.abc import Collection

import pytest

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.handlers.engagement import count_likes
from instastream.stores.counters import Total
from instastream.stores.counts import Kind
from instastream.stores.memory_counts import MemoryCounts
from tests.flow.counting_world import ADA, BOB, POST, liked


class GrumpyCounts(MemoryCounts):
    """Counts that can't be shown for now."""

    is_away = True

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        if self.is_away:
            raise Unavailable("redis", "away")
        await super().publish(kind, totals)


async def test_likes_that_can_not_be_shown_wait_and_count_once(deps: Deps) -> None:
    counts = GrumpyCounts()
    deps = dataclasses.replace(deps, counts=counts)
    records = [await deps.log.append(liked(user)) for user in (ADA, BOB)]
    for _ in range(2):
        with pytest.raises(Unavailable):
            await count_likes(records, deps)
    counts.is_away = False
    await count_likes(records, deps)
    assert (await counts.totals("likes", [POST]))[POST].count == 2
