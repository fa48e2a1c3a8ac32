"""The graph on Cassandra: edges in `following`, `followers` and `requests`, walls in `walls`.

Cells of all but `followers` carry the place of their event in the log as their timestamp, so
that the log's order decides. An edge's events share a partition, as do those of a wall's one side.
"""

import asyncio
from collections.abc import Iterable, Sequence, Set
from itertools import compress

from instastream.ids import UserId
from instastream.limits import GONE_TTL_S
from instastream.relations import Edge, Relations, Wall, WallKind
from instastream.stores.cassandra.followers import CassandraFollowers
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.graph import BUCKETS

FOLLOW = """INSERT INTO following (follower_id, followee_id, state)
    VALUES (?, ?, ?) USING TIMESTAMP ? AND TTL ?"""
EDGE = """SELECT state, WRITETIME(state) AS version FROM following
    WHERE follower_id = ? AND followee_id = ?"""
EDGES = "SELECT followee_id, state FROM following WHERE follower_id = ?"
EDGES_AMONG = f"{EDGES} AND followee_id IN ?"
FOLLOWEES = f"{EDGES} AND followee_id > ? AND state = 'follows' LIMIT ? ALLOW FILTERING"
FOLLOWEES_COUNT = """SELECT COUNT(*) AS many FROM following
    WHERE follower_id = ? AND state = 'follows' ALLOW FILTERING"""
REQUEST = "INSERT INTO requests (followee_id, follower_id) VALUES (?, ?) USING TIMESTAMP ?"
FORGET_REQUEST = """DELETE FROM requests USING TIMESTAMP ?
    WHERE followee_id = ? AND follower_id = ?"""
REQUESTED = "SELECT follower_id FROM requests WHERE followee_id = ? AND follower_id = ?"
REQUESTS = """SELECT follower_id FROM requests
    WHERE followee_id = ? AND follower_id > ? LIMIT ?"""
BLOCKS = """UPDATE walls USING TIMESTAMP ? AND TTL ? SET blocks = ?
    WHERE user_id = ? AND other_id = ?"""
BLOCKED = """UPDATE walls USING TIMESTAMP ? AND TTL ? SET blocked = ?
    WHERE user_id = ? AND other_id = ?"""
MUTES = """UPDATE walls USING TIMESTAMP ? AND TTL ? SET mutes = ?
    WHERE user_id = ? AND other_id = ?"""
WALLS = "SELECT other_id, blocks, blocked, mutes FROM walls WHERE user_id = ?"
WALLS_AMONG = f"{WALLS} AND other_id IN ?"
WALLS_PAGE: dict[WallKind, str] = {
    "blocks": f"{WALLS} AND other_id > ? AND blocks = true LIMIT ? ALLOW FILTERING",
    "mutes": f"{WALLS} AND other_id > ? AND mutes = true LIMIT ? ALLOW FILTERING",
}


class CassandraGraph:
    """Edges and walls by those on both of their sides."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._followers = CassandraFollowers(session)

    async def record_edge(self, edge: Edge) -> None:
        follower, followee = int(edge.follower_id), int(edge.followee_id)
        ttl_s = GONE_TTL_S if edge.state == "none" else 0
        if edge.state == "requested":  # before it can be answered
            await self._session.execute(REQUEST, followee, follower, edge.version)
        await self._session.execute(FOLLOW, follower, followee, edge.state, edge.version, ttl_s)
        if edge.state != "follows":
            await self._unlist(edge)
        await self._followers.record(edge)

    async def record_wall(self, wall: Wall) -> None:
        ttl_s = 0 if wall.stands else GONE_TTL_S
        at = wall.version - 1  # 0 of the first
        user, other = int(wall.user_id), int(wall.other_id)
        if wall.kind == "mutes":
            await self._session.execute(MUTES, at, ttl_s, wall.stands, user, other)
            return
        await asyncio.gather(
            self._session.execute(BLOCKS, at, ttl_s, wall.stands, user, other),
            self._session.execute(BLOCKED, at, ttl_s, wall.stands, other, user),
        )

    async def edge(self, *, follower_id: UserId, followee_id: UserId) -> Edge | None:
        rows = await self._session.execute(EDGE, int(follower_id), int(followee_id))
        if not rows:
            return None
        return Edge(
            follower_id=follower_id,
            followee_id=followee_id,
            state=rows[0].state,
            version=rows[0].version,
        )

    async def relations(self, reader: UserId, *, among: Set[UserId] | None = None) -> Relations:
        edges, walls = await asyncio.gather(
            self._those(EDGES, EDGES_AMONG, reader, among),
            self._those(WALLS, WALLS_AMONG, reader, among),
        )
        return Relations(
            following=_users(row.followee_id for row in edges if row.state == "follows"),
            requested=_users(row.followee_id for row in edges if row.state == "requested"),
            blocks=_users(row.other_id for row in walls if row.blocks),
            blocked_by=_users(row.other_id for row in walls if row.blocked),
            mutes=_users(row.other_id for row in walls if row.mutes),
        )

    async def followees_page(self, follower_id: UserId, *, after: str, limit: int) -> list[UserId]:
        rows = await self._session.execute(FOLLOWEES, int(follower_id), int(after or 0), limit)
        return [UserId(str(row.followee_id)) for row in rows]

    async def followees_count(self, follower_id: UserId) -> int:
        return int((await self._session.execute(FOLLOWEES_COUNT, int(follower_id)))[0].many)

    async def followers(
        self, followee_id: UserId, buckets: Sequence[int] = BUCKETS
    ) -> list[UserId]:
        return await self._followers.every(followee_id, buckets)

    async def followers_in(
        self, followee_id: UserId, *, bucket: int, after: str, limit: int
    ) -> list[UserId]:
        return await self._followers.some_in(followee_id, bucket=bucket, after=after, limit=limit)

    async def followers_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        return sorted(await self._followers.some(followee_id, after=after, limit=limit))[:limit]

    async def followers_count(self, followee_id: UserId) -> int:
        return await self._followers.count(followee_id)

    async def requests_page(self, followee_id: UserId, *, after: str, limit: int) -> list[UserId]:
        """Whatever was said of a request since is in `following`; `requests` only lists them."""
        waiting: list[UserId] = []
        while len(waiting) < limit:
            wanted = limit - len(waiting)
            rows = await self._session.execute(REQUESTS, int(followee_id), int(after or 0), wanted)
            listed = [UserId(str(row.follower_id)) for row in rows]
            still = await asyncio.gather(*(self._waits(one, followee_id) for one in listed))
            waiting += compress(listed, still)
            if len(listed) < wanted:
                break
            after = listed[-1]
        return waiting

    async def _unlist(self, edge: Edge) -> None:
        """What ended is in `following` for a while only: its request must not be listed longer.

        Whichever is recorded last, a request or its end, sees the other. Where no request is
        listed nothing is deleted: many who unfollow someone leave no tombstones.
        """
        follower_id, followee_id = edge.follower_id, edge.followee_id
        if await self._session.execute(REQUESTED, int(followee_id), int(follower_id)):
            await self._waits(follower_id, followee_id)

    async def _waits(self, follower_id: UserId, followee_id: UserId) -> bool:
        """Whether a listed request is still open; it is listed no longer if not.

        One without an edge stays listed: it is just being recorded.
        """
        edge = await self.edge(follower_id=follower_id, followee_id=followee_id)
        if edge and edge.state != "requested":
            await self._session.execute(
                FORGET_REQUEST, edge.version, int(followee_id), int(follower_id)
            )
        return edge is not None and edge.state == "requested"

    async def walls_page(
        self, user_id: UserId, kind: WallKind, *, after: str, limit: int
    ) -> list[UserId]:
        rows = await self._session.execute(WALLS_PAGE[kind], int(user_id), int(after or 0), limit)
        return [UserId(str(row.other_id)) for row in rows]

    async def _those(
        self, every: str, some: str, reader: UserId, among: Set[UserId] | None
    ) -> list[Row]:
        if among is None:
            return await self._session.execute(every, int(reader))
        if not among:
            return []
        return await self._session.execute(some, int(reader), sorted(int(one) for one in among))


def _users(ids: Iterable[int]) -> frozenset[UserId]:
    return frozenset(UserId(str(one)) for one in ids)
