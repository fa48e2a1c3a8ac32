"""The contract of Counts, in memory, on one Redis and on a cluster."""

from collections.abc import AsyncIterator
from itertools import permutations

import pytest
import pytest_asyncio
from msgspec.structs import replace

from instastream.counting import EPOCHS, version_of
from instastream.ids import UserId
from instastream.limits import COUNTS_AT_ONCE, LIKE_SHARDS_MAX, PENDING_LENGTH
from instastream.settings import Settings
from instastream.stores.changes import Changes
from instastream.stores.counters import Total
from instastream.stores.counts import Counts, Kind, Pending
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_counts import MemoryCounts
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.redis import AnyRedis, open_redis
from instastream.stores.redis_changes import RedisChanges
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from tests.conftest import IN_MEMORY
from tests.stores.conftest import new_id

LATEST = version_of(epoch=EPOCHS - 1, offset=(1 << 44) - 2)
LARGEST = LIKE_SHARDS_MAX * LATEST


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redis(server: Settings) -> AsyncIterator[AnyRedis | None]:
    if server is IN_MEMORY:
        yield None
        return
    async with open_redis(server) as redis:
        yield redis


@pytest.fixture
def counts(server: Settings, redis: AnyRedis | None) -> Counts:
    return RedisCounts(redis, prefix=server.prefix) if redis else MemoryCounts()


@pytest.fixture
def changes(server: Settings, redis: AnyRedis | None, counts: Counts) -> Changes:
    if redis is None:
        return MemoryChanges(MemoryFeeds(), counts)
    assert isinstance(counts, RedisCounts)
    feeds = RedisFeeds(redis, prefix=server.prefix)
    return RedisChanges(redis, feeds, counts, prefix=server.prefix)


def total(*, version: int, count: int = 3, subject_id: str = "") -> Total:
    return Total(
        subject_id=subject_id or new_id(), count=count, size=count + 1, version=version, at_ms=99
    )


async def test_a_total_is_kept_by_kind(counts: Counts) -> None:
    likes = total(version=7)
    comments = replace(likes, count=5)
    await counts.publish("likes", [likes])
    await counts.publish("comments", [comments])
    subject_id = likes.subject_id
    kinds: tuple[tuple[Kind, Total], ...] = (("likes", likes), ("comments", comments))
    for kind, one in kinds:
        assert await counts.totals(kind, [subject_id]) == {subject_id: one}
    assert await counts.of_all_kinds([subject_id]) == {
        ("likes", subject_id): likes,
        ("comments", subject_id): comments,
    }


async def test_what_nobody_published_is_absent(counts: Counts) -> None:
    known = total(version=0, count=0)
    await counts.publish("likes", [known])
    wanted = [new_id(), known.subject_id]
    assert list(await counts.totals("likes", wanted)) == [known.subject_id]
    assert await counts.totals("comments", wanted) == {}
    assert list(await counts.of_all_kinds(wanted)) == [("likes", known.subject_id)]
    assert await counts.of_all_kinds([]) == {}
    assert await counts.totals("likes", []) == {}
    await counts.publish("likes", [])


@pytest.mark.parametrize(
    "versions",
    [(0, 9, 10), (9, 10, 1 << 53), ((1 << 53) + 1, (1 << 53) + 2, LATEST), (1, LATEST, LARGEST)],
)
async def test_the_largest_version_stays_whatever_comes_last(
    counts: Counts, versions: tuple[int, ...]
) -> None:
    for order in permutations(versions):
        subject_id = new_id()
        totals = [total(version=one, count=one % 7, subject_id=subject_id) for one in order]
        for one in (*totals, totals[0]):
            await counts.publish("likes", [one])
        kept = (await counts.totals("likes", [subject_id]))[subject_id]
        assert kept == max(totals, key=lambda one: one.version)


async def test_a_total_that_is_repaired_replaces_the_one_of_its_version(counts: Counts) -> None:
    wrong = total(version=7)
    right = replace(wrong, count=2)
    for one in (wrong, right):
        await counts.publish("likes", [one])
    assert await counts.totals("likes", [wrong.subject_id]) == {wrong.subject_id: right}


@pytest.mark.parametrize("many", [COUNTS_AT_ONCE - 1, COUNTS_AT_ONCE, 2 * COUNTS_AT_ONCE + 1])
async def test_many_totals_are_one_batch(counts: Counts, many: int) -> None:
    totals = [total(version=number) for number in range(many)]
    await counts.publish("likes", totals)
    subject_ids = [one.subject_id for one in totals]
    kept = await counts.totals("likes", subject_ids)
    assert [kept[subject_id] for subject_id in subject_ids] == totals


def said(version: int, *, liked: bool = True, shards: int = 1) -> Pending:
    return Pending(subject_id=new_id(), shards=shards, liked=liked, version=version)


async def test_what_a_user_said_is_theirs_and_the_latest_stay(counts: Counts) -> None:
    user, other = UserId(new_id()), UserId(new_id())
    assert await counts.pending(user) == []
    pending = [said(LATEST - n, liked=n % 2 == 0, shards=256) for n in range(PENDING_LENGTH + 2)]
    for number, one in enumerate(pending, start=1):
        await counts.expect(user, one)
        if number in (1, PENDING_LENGTH - 1, PENDING_LENGTH):
            assert await counts.pending(user) == pending[:number]
    assert await counts.pending(user) == pending[2:]
    assert await counts.pending(other) == []


async def test_it_comes_with_what_changed(counts: Counts, changes: Changes) -> None:
    users = [UserId(new_id()) for _ in range(40)]
    pending: dict[UserId, list[Pending]] = {
        user: [said(number)] for number, user in enumerate(users) if number % 2
    }
    for user, [one] in pending.items():
        await counts.expect(user, one)
    expected = [pending.get(user, []) for user in users]
    heads = [(user, 3) for user in users]
    heard, lists, told = await changes.since(None, heads, users)
    assert (lists, [list(one) for one in told]) == ([None] * len(users), expected)
    assert [list(one) for one in (await changes.since(heard.place, [], users))[2]] == expected
    assert (await changes.since(heard.place, heads))[2] == []
    _, lists, [of_one] = await changes.since(heard.place, [(users[0], 1)], [users[1]])
    assert (lists, list(of_one)) == ([None], expected[1])


@pytest.mark.parametrize("server", ["redis", "cluster"], indirect=True)
async def test_totals_and_what_was_said_end_by_themselves(
    server: Settings, redis: AnyRedis
) -> None:
    ttls_s = {"ttl_s": 1_000, "zeros_ttl_s": 200, "pending_ttl_s": 500}
    brief = RedisCounts(redis, prefix=f"{server.prefix}brief-", **ttls_s)
    await brief.publish("likes", [total(version=1), total(version=0, count=0)])
    await brief.expect(UserId(new_id()), said(1))
    keys = [key async for key in redis.scan_iter(f"{server.prefix}brief-*")]
    left_s = {round(await redis.ttl(key), -2) for key in keys}
    assert left_s == {200, 500, 1_000}


async def test_everything_that_is_kept_can_be_read(counts: Counts) -> None:
    likes = [total(version=at) for at in range(COUNTS_AT_ONCE + 2)]
    comments = total(version=1, subject_id=likes[0].subject_id)
    await counts.publish("likes", likes)
    await counts.publish("comments", [comments])
    kept = [one async for one in counts.everything()]
    assert len({(kind, one.subject_id) for kind, one in kept}) == len(kept)
    mine = [one for one in kept if one[1] in likes]
    assert set(mine) == {("likes", one) for one in likes}
    assert ("comments", comments) in kept
