"""Who follows, blocks and mutes whom: a projection of `graph`."""

from collections.abc import Sequence, Set
from typing import Protocol
from zlib import crc32

from instastream.ids import UserId
from instastream.limits import FANOUT_BUCKETS_MAX
from instastream.relations import Edge, Relations, Wall, WallKind

FOLLOWER_BUCKETS = 8  # a million followers are then 8 partitions of about 10 MB
BUCKETS = range(FOLLOWER_BUCKETS)
assert FOLLOWER_BUCKETS <= FANOUT_BUCKETS_MAX


def bucket_of(follower_id: UserId) -> int:
    """Which part of an author's followers someone is in."""
    return crc32(follower_id.encode()) % FOLLOWER_BUCKETS


class Graph(Protocol):
    """Edges and walls. Lists are ascending by id, and pages of them come after `after` ("": all).

    Every `record_` method is idempotent and may come in any order, from any number of processes
    at once: the larger version wins.
    """

    async def record_edge(self, edge: Edge) -> None:
        """The edge is in this state, unless something later was said of it; counts follow."""

    async def record_wall(self, wall: Wall) -> None:
        """The wall stands, or does not, unless something later was said of it."""

    async def edge(self, *, follower_id: UserId, followee_id: UserId) -> Edge | None:
        """An edge as it is now; None or state `none` when there is none."""

    async def relations(self, reader: UserId, *, among: Set[UserId] | None = None) -> Relations:
        """What a reader is to others: to all of them, or only to those in `among`."""

    async def followees_page(self, follower_id: UserId, *, after: str, limit: int) -> list[UserId]:
        """Some of whom someone follows."""

    async def followees_count(self, follower_id: UserId) -> int:
        """How many someone follows: exactly as many as `followees` lists."""

    async def followers(
        self, followee_id: UserId, buckets: Sequence[int] = BUCKETS
    ) -> list[UserId]:
        """Every follower in some buckets, in no order: where there are not too many."""

    async def followers_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        """Some of the followers in one bucket."""

    async def followers_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        """Some of someone's followers."""

    async def followers_count(self, followee_id: UserId) -> int:
        """How many follow someone: exactly as many as there are edges."""

    async def requests_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        """Some of those who ask to follow someone."""

    async def walls_page(
        self, user_id: UserId, kind: WallKind, *, after: str, limit: int
    ) -> list[UserId]:
        """Some of those whom someone blocks, or mutes."""
