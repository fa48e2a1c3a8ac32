"""Followers and how many they are, on Cassandra: each change of both is one conditional batch.

The batch is applied only to the row and the count that were read, so whoever races, a count is
the number of rows that follow. `followers` sees no other writes: docs/decisions/0020.
"""

import asyncio
import random
from itertools import islice
from weakref import WeakValueDictionary

from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.relations import Edge
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.graph import FOLLOWER_BUCKETS, GONE_TTL_S, bucket_of

CHANGE_ROW = """UPDATE followers USING TTL ? SET follows = ?, version = ?
    WHERE followee_id = ? AND bucket = ? AND follower_id = ? IF version = ?"""
CHANGE_COUNT = "UPDATE followers SET count = ? WHERE followee_id = ? AND bucket = ? IF count = ?"
ROWS = """SELECT follower_id, follows, version, count FROM followers
    WHERE followee_id = ? AND bucket = ? AND follower_id IN ?"""
COUNT = "SELECT count FROM followers WHERE followee_id = ? AND bucket = ? LIMIT 1"
FOLLOWERS_IN = """SELECT follower_id FROM followers WHERE followee_id = ? AND bucket = ?
    AND follower_id > ? AND follows = true LIMIT ? ALLOW FILTERING"""  # within one partition
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
            rows = await self._session.execute(ROWS, *partition, sorted(newest))
            standing = {row.follower_id: row for row in rows}
            count = rows[0].count if rows else await self._count(*partition)
            later = {
                follower: edge
                for follower, edge in newest.items()
                if follower not in standing or standing[follower].version < edge.version
            }
            if not later or await self._change(partition, later, standing, count):
                return
            await asyncio.sleep(random.uniform(0, WAIT_S * (attempt + 1)))
        raise Unavailable("cassandra", f"the followers of {partition[0]} change all the time")

    async def _change(
        self,
        partition: tuple[int, int],
        edges: dict[int, Edge],
        standing: dict[int, Row],
        count: int | None,
    ) -> bool:
        """Whether everything still stood as it was read, and is as these edges say now."""
        values: list[object] = []
        change = 0
        for follower, edge in edges.items():
            row, follows = standing.get(follower), edge.state == "follows"
            change += follows - bool(row and row.follows)
            ttl_s = 0 if follows else GONE_TTL_S
            version = row.version if row else None
            values += [ttl_s, follows, edge.version, *partition, follower, version]
        statements = "\n".join([CHANGE_ROW] * len(edges) + [CHANGE_COUNT])
        applied = await self._session.execute_once(
            f"BEGIN BATCH {statements} APPLY BATCH",
            *values,
            (count or 0) + change,
            *partition,
            count,
        )
        return bool(applied.applied)

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


def _version(edge: Edge) -> int:
    return edge.version
