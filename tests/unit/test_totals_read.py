"""Totals of posts with many shards, however many of them: no read is of more than is answered."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from instastream.limits import LIKE_SHARDS_PULLED
from instastream.stores.cassandra.counters import READS_AT_ONCE, CassandraCounters
from instastream.stores.cassandra.session import Session
from instastream.stores.counters import Total

ROWS_MAX = 10_000  # that Cassandra reads in a second or two, also while it is busy
POSTS = 300


class Published:
    """A session in which every shard of every post has one like, as of its number."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.under_way = self.most_under_way = 0

    async def execute(self, cql: str, subjects: list[int], *, at_once: bool) -> list[Any]:
        assert at_once
        self.reads.append(subjects)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return [
            SimpleNamespace(subject_id=one, shard=shard, count=1, size=1, version=shard, at_ms=one)
            for one in subjects
            for shard in range(LIKE_SHARDS_PULLED)
        ]


async def test_a_batch_of_likes_of_many_posts_is_read_some_posts_at_a_time() -> None:
    published = Published()
    likes = CassandraCounters(cast(Session, published), "likes")
    posts = [str(one) for one in range(1, POSTS + 1)]
    totals = await likes.totals(dict.fromkeys(posts, LIKE_SHARDS_PULLED))
    assert totals == {
        one: Total(
            subject_id=one,
            count=LIKE_SHARDS_PULLED,
            size=LIKE_SHARDS_PULLED,
            version=sum(range(LIKE_SHARDS_PULLED)),
            at_ms=int(one),
        )
        for one in posts
    }
    assert sorted(one for read in published.reads for one in read) == sorted(map(int, posts))
    assert all(len(read) * LIKE_SHARDS_PULLED <= ROWS_MAX for read in published.reads)
    assert published.most_under_way <= READS_AT_ONCE
