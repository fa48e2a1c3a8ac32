"""Many followers at once, for benches and tests: straight into the stores, without events."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from instastream.ids import PostId, UserId, compose
from instastream.stores.cassandra.session import Session
from instastream.stores.graph import FOLLOWER_BUCKETS, bucket_of
from instastream.stores.redis import AnyRedis
from instastream.stores.redis_feeds import DONE, RedisFeeds

ADD = """INSERT INTO followers (followee_id, bucket, follower_id, follows, version)
    VALUES (?, ?, ?, true, 0);"""
COUNT = """UPDATE followers SET count = ?, revision = 1 WHERE followee_id = ? AND bucket = ?"""
ROWS_AT_ONCE = 100
BATCHES_AT_ONCE = 32
LISTS_AT_ONCE = 1_000

Row = tuple[int, ...]


def many_ids(count: int, *, at_ms: int) -> list[str]:
    """Ascending ids, as a worker might mint them from `at_ms` on."""
    return [compose(at_ms=at_ms + n // 4096, worker=1023, sequence=n % 4096) for n in range(count)]


async def add_followers(session: Session, author: UserId, followers: Sequence[UserId]) -> None:
    """Rows in a table that else sees conditional writes only: nobody may follow meanwhile."""
    await insert(session, ADD, _batches(int(author), followers))
    counts = Counter(map(bucket_of, followers))
    await session.execute_all(
        COUNT, ((count, int(author), bucket) for bucket, count in counts.items())
    )


async def insert(session: Session, cql: str, batches: Iterable[Sequence[Row]]) -> None:
    """Each batch is one request, whose rows should be of one partition."""
    by_size: dict[int, list[Row]] = {}
    for batch in batches:
        by_size.setdefault(len(batch), []).append(tuple(chain.from_iterable(batch)))
    for size, rows in by_size.items():
        together = f"BEGIN UNLOGGED BATCH {cql * size} APPLY BATCH"
        for start in range(0, len(rows), BATCHES_AT_ONCE):
            await session.execute_all(together, rows[start : start + BATCHES_AT_ONCE])


def _batches(author: int, followers: Sequence[UserId]) -> Iterator[list[tuple[int, int, int]]]:
    """Rows of one partition each."""
    for bucket in range(FOLLOWER_BUCKETS):
        rows = [(author, bucket, int(one)) for one in followers if bucket_of(one) == bucket]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            yield rows[start : start + ROWS_AT_ONCE]


async def open_feeds(
    redis: AnyRedis, feeds: RedisFeeds, readers: Sequence[UserId], post_ids: Sequence[PostId] = ()
) -> None:
    """Warm lists, all with these ids, which are ascending."""
    for start in range(0, len(readers), LISTS_AT_ONCE):
        async with redis.pipeline(transaction=False) as pipeline:
            for reader in readers[start : start + LISTS_AT_ONCE]:
                pipeline.rpush(feeds.key(reader), *post_ids[::-1], DONE)
            await pipeline.execute()
