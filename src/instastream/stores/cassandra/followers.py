"""Followers and how many they are, on Cassandra: each change of both is one conditional batch.

The batch is applied only to the rows and the revision that were read, so whoever races, a count
is the number of rows that follow. `followers` sees no other writes: docs/decisions/0020.
"""

import asyncio
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice
from weakref import WeakValueDictionary

from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.limits import GONE_TTL_S
from instastream.relations import Edge
from instastream.stores.cassandra.follower_pages import FollowerPages
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.graph import BUCKETS, bucket_of

CHANGE_ROW = """UPDATE followers USING TTL ? SET follows = ?, version = ?
    WHERE followee_id = ? AND bucket = ? AND follower_id = ? IF version = ?"""
CHANGE_COUNT = """UPDATE followers SET count = ?, revision = ?
    WHERE followee_id = ? AND bucket = ? IF revision = ?"""
ROWS = """SELECT follower_id, follows, version, count, revision FROM followers
    WHERE followee_id = ? AND bucket = ? AND follower_id IN ?"""
BUCKET = "SELECT count, revision FROM followers WHERE followee_id = ? AND bucket = ? LIMIT 1"
COUNTS = """SELECT count FROM followers
    WHERE followee_id = ? AND bucket IN ? PER PARTITION LIMIT 1"""
FOLLOWERS_IN = """SELECT follower_id FROM followers WHERE followee_id = ? AND bucket = ?
    AND follower_id > ? AND follows = true LIMIT ? ALLOW FILTERING"""  # within one partition
LIMIT_MAX = 2**31 - 1  # of CQL
EDGES_MAX = 32  # in one batch: about 2 kB
ATTEMPTS = 20  # each lost to another process, which then made progress
WAIT_S = 0.005


class Bucket:
    """What this process has still to write to one partition; it does so one batch at a time."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting: set[Edge] = set()


class CassandraFollowers:
    """Rows and counts in `followers`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pages = FollowerPages(session)
        self._buckets: WeakValueDictionary[tuple[int, int], Bucket] = WeakValueDictionary()

    async def record(self, edge: Edge) -> None:
        """Idempotent, in any order; raises Unavailable where others change the bucket all the time.

        Whoever's turn it is writes for those who wait behind them, too. What fails or is cancelled
        is left to them, and does no harm where nobody waits for it any more.
        """
        partition = (int(edge.followee_id), bucket_of(edge.follower_id))
        bucket = self._buckets.setdefault(partition, Bucket())
        bucket.waiting.add(edge)
        async with bucket.lock:
            if edge in bucket.waiting:
                others = islice(bucket.waiting - {edge}, EDGES_MAX - 1)
                turn = [edge, *others]
                await self._write(partition, turn)
                bucket.waiting.difference_update(turn)

    async def _write(self, partition: tuple[int, int], edges: list[Edge]) -> None:
        newest = {int(edge.follower_id): edge for edge in sorted(edges, key=_version)}
        for attempt in range(ATTEMPTS):
            if await self._attempt(partition, newest):
                return
            await asyncio.sleep(random.uniform(0, WAIT_S * (attempt + 1)))
        raise Unavailable("cassandra", f"the followers of {partition[0]} change all the time")

    async def _attempt(self, partition: tuple[int, int], newest: dict[int, Edge]) -> bool:
        """Whether these edges are written, or later ones."""
        async with self._session.one_generation():  # revisions of two may be equal by chance
            rows = await self._session.execute(ROWS, *partition, sorted(newest))
            standing = {row.follower_id: row for row in rows}
            head = rows or await self._session.execute(BUCKET, *partition)
            later = {
                follower: edge
                for follower, edge in newest.items()
                if follower not in standing or standing[follower].version < edge.version
            }
            return not later or await self._change(partition, later, standing, head)

    async def _change(
        self,
        partition: tuple[int, int],
        edges: dict[int, Edge],
        standing: dict[int, Row],
        head: list[Row],
    ) -> bool:
        """Whether everything still stood as it was read, and is as these edges say now."""
        values: list[object] = []
        count, revision = (head[0].count, head[0].revision) if head else (None, None)
        count = count or 0
        for follower, edge in edges.items():
            row, follows = standing.get(follower), edge.state == "follows"
            count += follows - bool(row and row.follows)
            ttl_s = 0 if follows else GONE_TTL_S
            version = row.version if row else None
            values += [ttl_s, follows, edge.version, *partition, follower, version]
        statements = "\n".join([CHANGE_ROW] * len(edges) + [CHANGE_COUNT])
        applied = await self._session.execute_once(
            f"BEGIN BATCH {statements} APPLY BATCH",
            *values,
            count,
            (revision or 0) + 1,
            *partition,
            revision,
        )
        return bool(applied.applied)

    async def count(self, followee_id: UserId) -> int:
        """How many follow someone."""
        rows = await self._session.execute(COUNTS, int(followee_id), list(BUCKETS))
        return sum(row.count or 0 for row in rows)

    async def every(self, followee_id: UserId, buckets: Sequence[int]) -> list[UserId]:
        """All of some buckets, in no order."""
        ids = await self._pages.read(int(followee_id), buckets)
        if ids is None:
            return await self.some(followee_id, buckets, after="", limit=LIMIT_MAX)
        return _users(ids)

    async def some(
        self, followee_id: UserId, buckets: Sequence[int] = BUCKETS, *, after: str, limit: int
    ) -> list[UserId]:
        """Up to `limit` of each bucket that come after `after`, bucket by bucket."""
        rows = await self._session.execute_all(
            FOLLOWERS_IN,
            ((int(followee_id), bucket, int(after or 0), limit) for bucket in buckets),
        )
        return _users(row.follower_id for row in rows)

    async def some_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        """Up to `limit` of one bucket that come after `after`."""
        ids = await self._pages.read(int(followee_id), [bucket])
        if ids is None:
            return await self.some(followee_id, [bucket], after=after, limit=limit)
        begin = bisect_right(ids, int(after or 0))
        return _users(ids[begin : begin + limit])


def _users(ids: Iterable[int]) -> list[UserId]:
    return [UserId(str(one)) for one in ids]


def _version(edge: Edge) -> int:
    return edge.version
