"""The graph on Cassandra, both ways: the same edge in `following` and in `followers`.

Cells carry the event's offset as their timestamp, so that the log's order decides; all events
of one follower share a partition, which makes their offsets comparable.
"""

import asyncio

from instastream.ids import UserId
from instastream.stores.cassandra.session import Session
from instastream.stores.graph import FOLLOWER_BUCKETS, bucket_of

FOLLOW = "INSERT INTO following (follower_id, followee_id) VALUES (?, ?) USING TIMESTAMP ?"
FOLLOWED_BY = """INSERT INTO followers (followee_id, bucket, follower_id)
    VALUES (?, ?, ?) USING TIMESTAMP ?"""
UNFOLLOW = "DELETE FROM following USING TIMESTAMP ? WHERE follower_id = ? AND followee_id = ?"
UNFOLLOWED_BY = """DELETE FROM followers USING TIMESTAMP ?
    WHERE followee_id = ? AND bucket = ? AND follower_id = ?"""
FOLLOWEES = "SELECT followee_id FROM following WHERE follower_id = ?"
FOLLOWED = "SELECT followee_id FROM following WHERE follower_id = ? AND followee_id IN ?"
FOLLOWERS_IN = """SELECT follower_id FROM followers
    WHERE followee_id = ? AND bucket = ? AND follower_id > ? LIMIT ?"""


class CassandraGraph:
    """Edges in `following` and `followers`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_followed(
        self, *, follower_id: UserId, followee_id: UserId, offset: int
    ) -> None:
        follower, followee, bucket = int(follower_id), int(followee_id), bucket_of(follower_id)
        await asyncio.gather(
            self._session.execute(FOLLOW, follower, followee, offset),
            self._session.execute(FOLLOWED_BY, followee, bucket, follower, offset),
        )

    async def record_unfollowed(
        self, *, follower_id: UserId, followee_id: UserId, offset: int
    ) -> None:
        follower, followee, bucket = int(follower_id), int(followee_id), bucket_of(follower_id)
        await asyncio.gather(
            self._session.execute(UNFOLLOW, offset, follower, followee),
            self._session.execute(UNFOLLOWED_BY, offset, followee, bucket, follower),
        )

    async def followees(self, follower_id: UserId) -> list[UserId]:
        rows = await self._session.execute(FOLLOWEES, int(follower_id))
        return [UserId(str(row.followee_id)) for row in rows]

    async def followed(self, follower_id: UserId, among: set[UserId]) -> set[UserId]:
        if not among:
            return set()
        rows = await self._session.execute(FOLLOWED, int(follower_id), [int(i) for i in among])
        return {UserId(str(row.followee_id)) for row in rows}

    async def followers(self, followee_id: UserId, *, limit: int) -> list[UserId]:
        rows = await self._session.execute_all(
            FOLLOWERS_IN,
            ((int(followee_id), bucket, 0, limit) for bucket in range(FOLLOWER_BUCKETS)),
        )
        return [UserId(str(row.follower_id)) for row in rows[:limit]]

    async def followers_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        rows = await self._session.execute(
            FOLLOWERS_IN, int(followee_id), bucket, int(after or 0), limit
        )
        return [UserId(str(row.follower_id)) for row in rows]
