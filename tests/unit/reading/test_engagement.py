"""What a viewer sees counted where totals, flags and their own likes come late or out of order."""

import dataclasses
from collections.abc import AsyncIterator, Collection

import pytest_asyncio

from instastream.counting import NOT_COUNTED, Mark, Member
from instastream.deps import Deps, memory_deps
from instastream.ids import UserId
from instastream.likes import shard_of
from instastream.limits import COUNTS_AGE_MS
from instastream.reading.engagement import Engagement, Flags, Proof
from instastream.stores.counters import Place, Total
from instastream.stores.counts import Pending
from instastream.stores.memory_counters import MemoryCounters
from instastream.stores.memory_counts import MemoryCounts
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import NoRenderer

VIEWER = UserId("1571234567890123456")
OTHERS = [str(1571234567890123460 + n) for n in range(40)]
POST = "1571234567890123457"
SHARDS = 4


@pytest_asyncio.fixture
async def deps() -> AsyncIterator[Deps]:
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        yield deps


def said(version: int, *, liked: bool = True, shards: int = 1) -> Pending:
    return Pending(subject_id=POST, shards=shards, liked=liked, version=version)


async def like(deps: Deps, user: str, *, version: int, shards: int = 1, place: int = 1) -> None:
    at = Place(POST, shard_of(user, shards))
    mark = Mark(member=user, place=place, version=version, at_ms=version)
    await deps.likes.publish(await deps.likes.apply({at: [mark]}))


async def numbers(seen: Engagement, pending: list[Pending], *, shards: int = 1) -> tuple[int, bool]:
    shown = (await seen.numbers(VIEWER, {POST: shards}, pending))[POST]
    return shown.likes, shown.liked


async def test_of_two_devices_the_one_that_the_log_has_last_is_right(deps: Deps) -> None:
    seen = Engagement(deps, show=lambda _: b"")
    for order in ([2, 1], [1, 2]):
        pending = [said(version, liked=version == 2) for version in order]
        assert await numbers(seen, pending) == (1, True)


async def test_other_shards_that_are_far_say_nothing_of_ones_own(deps: Deps) -> None:
    seen = Engagement(deps, show=lambda _: b"")
    elsewhere = [one for one in OTHERS if shard_of(one, SHARDS) != shard_of(VIEWER, SHARDS)]
    for version, other in enumerate(elsewhere, start=1):
        await like(deps, other, version=version, shards=SHARDS)
    pending = [said(len(elsewhere) + 1, shards=SHARDS)]
    assert await numbers(seen, pending, shards=SHARDS) == (len(elsewhere) + 1, True)


async def test_a_total_that_comes_late_does_not_take_ones_own_like_back(deps: Deps) -> None:
    now_ms = 1_795_000_000_000
    clocked = dataclasses.replace(deps, now_ms=lambda: now_ms)
    seen = Engagement(clocked, show=lambda _: b"")
    await like(deps, VIEWER, version=5)
    assert await numbers(seen, [said(5)]) == (1, True)
    old = Total(subject_id=POST, count=0, size=0, version=1, at_ms=1)
    assert isinstance(deps.counts, MemoryCounts)
    deps.counts.kept["likes", POST] = old
    now_ms += COUNTS_AGE_MS + 1
    assert await numbers(seen, []) == (1, True)


async def test_whether_a_viewer_likes_what_nobody_likes_is_not_looked_up(deps: Deps) -> None:
    looked: list[Place] = []

    class Watched(MemoryCounters):
        async def standing(
            self, places: Collection[Place], member: Member
        ) -> dict[Place, int | None]:
            looked.extend(places)
            return await super().standing(places, member)

    for likes in (0, 1):
        watched = dataclasses.replace(deps, likes=Watched(), counts=MemoryCounts())
        for other in OTHERS[:likes]:
            await like(watched, other, version=1)
        assert await numbers(Engagement(watched, show=lambda _: b""), []) == (likes, False)
        assert len(looked) == likes


def test_a_flag_that_was_read_before_ones_own_like_was_counted_is_not_kept() -> None:
    flags = Flags(0)
    flags.put({POST: True}, {POST: Proof(5, 9)})
    flags.put({POST: False}, {})
    flags.put({POST: False}, {POST: Proof(4, 20)})
    assert flags.liked == {POST: True}
    flags.put({POST: False}, {POST: Proof(6, 9)})
    assert flags.liked == {POST: False}


async def test_a_like_that_is_counted_and_ended_again_is_not_shown(deps: Deps) -> None:
    seen = Engagement(deps, show=lambda _: b"")
    assert await numbers(seen, [said(1)]) == (1, True)
    await like(deps, VIEWER, version=1)
    await like(deps, VIEWER, version=2, place=NOT_COUNTED)
    assert await numbers(seen, [said(1)]) == (0, False)
