"""Followers and how many they are, on Cassandra: each change of both is one conditional batch.

The batch is applied only to the row and the count that were read, so whoever races, a count is
the number of rows that follow. `followers` sees no other writes: docs/decisions/0020.
"""

import asyncio
import random
from weakref import WeakValueDictionary

from msgspec import Struct

from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.relations import Edge
from instastream.stores.cassandra.session import Session
from instastream.stores.graph import FOLLOWER_BUCKETS, GONE_TTL_S, bucket_of

CHANGE = """BEGIN BATCH
    UPDATE followers USING TTL ? SET follows = ?, version = ?
        WHERE followee_id = ? AND bucket = ? AND follower_id = ? IF version = ?
    UPDATE followers SET count = ? WHERE followee_id = ? AND bucket = ? IF count = ?
    APPLY BATCH"""
ROW = """SELECT follows, version, count FROM followers
    WHERE followee_id = ? AND bucket = ? AND follower_id = ?"""
COUNT = "SELECT count FROM followers WHERE followee_id = ? AND bucket = ? LIMIT 1"
FOLLOWERS_IN = """SELECT follower_id FROM followers WHERE followee_id = ? AND bucket = ?
    AND follower_id > ? AND follows = true LIMIT ? ALLOW FILTERING"""  # within one partition
ATTEMPTS = 20  # each lost to another process, which then made progress
WAIT_S = 0.005


class Standing(Struct, frozen=True):
    """What was read: a row, None where there is none, and its bucket's count, None where empty."""

    follows: bool
    version: int | None
    count: int | None


class CassandraFollowers:
    """Rows and counts in `followers`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._locks: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    async def record(self, edge: Edge) -> None:
        """Idempotent, in any order; raises Unavailable where others change the bucket all the time.

        Conditional writes of one process would only be in each other's way: they take turns.
        """
        partition = (int(edge.followee_id), bucket_of(edge.follower_id))
        lock = self._locks.setdefault(partition, asyncio.Lock())
        async with lock:
            for attempt in range(ATTEMPTS):
                standing = await self._read(partition, int(edge.follower_id))
                if standing.version is not None and standing.version >= edge.version:
                    return
                if await self._change(partition, edge, standing):
                    return
                await asyncio.sleep(random.uniform(0, WAIT_S * (attempt + 1)))
        raise Unavailable("cassandra", f"the followers of {edge.followee_id} change all the time")

    async def _read(self, partition: tuple[int, int], follower: int) -> Standing:
        rows = await self._session.execute(ROW, *partition, follower)
        if rows:
            return Standing(bool(rows[0].follows), rows[0].version, rows[0].count)
        return Standing(False, None, await self._count(*partition))

    async def _change(self, partition: tuple[int, int], edge: Edge, standing: Standing) -> bool:
        follows = edge.state == "follows"
        row = await self._session.execute_once(
            CHANGE,
            0 if follows else GONE_TTL_S,
            follows,
            edge.version,
            *partition,
            int(edge.follower_id),
            standing.version,
            (standing.count or 0) + follows - standing.follows,
            *partition,
            standing.count,
        )
        return bool(row.applied)

    async def _count(self, followee: int, bucket: int) -> int | None:
        rows = await self._session.execute(COUNT, followee, bucket)
        return rows[0].count if rows else None

    async def count(self, followee_id: UserId) -> int:
        """How many follow someone."""
        buckets = range(FOLLOWER_BUCKETS)
        counts = await asyncio.gather(*(self._count(int(followee_id), one) for one in buckets))
        return sum(count or 0 for count in counts)

    async def some(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        """Up to `limit` of each bucket that come after `after`, bucket by bucket."""
        rows = await self._session.execute_all(
            FOLLOWERS_IN,
            (
                (int(followee_id), bucket, int(after or 0), limit)
                for bucket in range(FOLLOWER_BUCKETS)
            ),
        )
        return [UserId(str(row.follower_id)) for row in rows]

    async def some_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        """Up to `limit` of one bucket that come after `after`."""
        rows = await self._session.execute(
            FOLLOWERS_IN, int(followee_id), bucket, int(after or 0), limit
        )
        return [UserId(str(row.follower_id)) for row in rows]
