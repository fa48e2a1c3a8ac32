"""The graph in memory, for unit and flow tests."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from instastream.ids import UserId
from instastream.relations import Edge, EdgeState, Relations, Wall, WallKind
from instastream.stores.graph import BUCKETS, bucket_of


@dataclass
class MemoryGraph:
    """For each edge and wall what was said of it last."""

    edges: dict[tuple[UserId, UserId], Edge] = field(default_factory=dict)
    walls: dict[tuple[UserId, UserId, WallKind], Wall] = field(default_factory=dict)

    async def record_edge(self, edge: Edge) -> None:
        key = (edge.follower_id, edge.followee_id)
        standing = self.edges.get(key)
        if standing is None or edge.version > standing.version:
            self.edges[key] = edge

    async def record_wall(self, wall: Wall) -> None:
        key = (wall.user_id, wall.other_id, wall.kind)
        standing = self.walls.get(key)
        if standing is None or wall.version > standing.version:
            self.walls[key] = wall

    async def edge(self, *, follower_id: UserId, followee_id: UserId) -> Edge | None:
        return self.edges.get((follower_id, followee_id))

    async def relations(self, reader: UserId, *, among: Set[UserId] | None = None) -> Relations:
        def those(users: Iterable[UserId]) -> frozenset[UserId]:
            return frozenset(one for one in users if among is None or one in among)

        blocks = [wall for wall in self.walls.values() if wall.kind == "blocks" and wall.stands]
        return Relations(
            following=those(self._followees(reader, "follows")),
            requested=those(self._followees(reader, "requested")),
            blocks=those(wall.other_id for wall in blocks if wall.user_id == reader),
            blocked_by=those(wall.user_id for wall in blocks if wall.other_id == reader),
            mutes=those(self._walled(reader, "mutes")),
        )

    async def followees_page(self, follower_id: UserId, *, after: str, limit: int) -> list[UserId]:
        return _page(self._followees(follower_id, "follows"), after, limit)

    async def followees_count(self, follower_id: UserId) -> int:
        return len(self._followees(follower_id, "follows"))

    async def followers(
        self, followee_id: UserId, buckets: Sequence[int] = BUCKETS
    ) -> list[UserId]:
        followers = self._followers(followee_id, "follows")
        return [one for one in followers if bucket_of(one) in buckets]

    async def followers_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        followers = self._followers(followee_id, "follows")
        return _page((one for one in followers if bucket_of(one) == bucket), after, limit)

    async def followers_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        return _page(self._followers(followee_id, "follows"), after, limit)

    async def followers_count(self, followee_id: UserId) -> int:
        return len(self._followers(followee_id, "follows"))

    async def requests_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        return _page(self._followers(followee_id, "requested"), after, limit)

    async def walls_page(
        self, user_id: UserId, kind: WallKind, *, after: str, limit: int
    ) -> list[UserId]:
        return _page(self._walled(user_id, kind), after, limit)

    def _followees(self, follower_id: UserId, state: EdgeState) -> list[UserId]:
        return [
            followee
            for (follower, followee), edge in self.edges.items()
            if follower == follower_id and edge.state == state
        ]

    def _followers(self, followee_id: UserId, state: EdgeState) -> list[UserId]:
        return [
            follower
            for (follower, followee), edge in self.edges.items()
            if followee == followee_id and edge.state == state
        ]

    def _walled(self, user_id: UserId, kind: WallKind) -> list[UserId]:
        return [
            wall.other_id
            for wall in self.walls.values()
            if wall.user_id == user_id and wall.kind == kind and wall.stands
        ]


def _page(users: Iterable[UserId], after: str, limit: int) -> list[UserId]:
    return sorted(user for user in users if user > after)[:limit]
