"""Who follows whom: a projection of `graph`."""

from typing import Protocol
from zlib import crc32

from instastream.ids import UserId

FOLLOWER_BUCKETS = 8  # a million followers are then 8 partitions of about 10 MB


def bucket_of(follower_id: UserId) -> int:
    """Which part of an author's followers someone is in."""
    return crc32(follower_id.encode()) % FOLLOWER_BUCKETS


class Graph(Protocol):
    """Follow edges. `offset` is the event's place in the log: the later event wins."""

    async def record_followed(
        self, *, follower_id: UserId, followee_id: UserId, offset: int
    ) -> None:
        """The edge is there, unless an event with a larger offset said otherwise."""

    async def record_unfollowed(
        self, *, follower_id: UserId, followee_id: UserId, offset: int
    ) -> None:
        """The edge is gone, unless an event with a larger offset said otherwise."""

    async def followees(self, follower_id: UserId) -> list[UserId]:
        """Everyone that someone follows, ascending; `FOLLOWS_MAX` bounds it."""

    async def followed(self, follower_id: UserId, among: set[UserId]) -> set[UserId]:
        """Which of these someone follows."""

    async def followers(self, followee_id: UserId, *, limit: int) -> list[UserId]:
        """Up to `limit` followers from all buckets, in no order."""

    async def followers_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        """The followers in one bucket that come after `after`, ascending."""
