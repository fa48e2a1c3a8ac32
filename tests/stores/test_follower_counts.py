"""However often events come, in whatever order and process, counts are what the rows say."""

import asyncio
from contextlib import AsyncExitStack
from random import Random

import pytest

from instastream.events import (
    FollowApproved,
    FollowDenied,
    FollowRequested,
    Record,
    UserFollowed,
    UserUnfollowed,
)
from instastream.follows import EdgeEvent
from instastream.ids import UserId
from instastream.relations import Edge, edge_of
from instastream.settings import Settings
from instastream.stores.cassandra.graph import CassandraGraph
from instastream.stores.cassandra.session import open_session
from instastream.stores.memory_graph import MemoryGraph
from tests.stores.conftest import new_id

PROCESSES = 3


def history(random: Random, follower: UserId, followees: list[UserId]) -> list[Edge]:
    """What one follower's partition of the log says of some edges."""
    asked: dict[UserId, int] = {}
    edges = []
    for offset in range(random.randrange(1, 12)):
        followee = random.choice(followees)
        kinds: list[type[EdgeEvent]] = [UserFollowed, UserUnfollowed, FollowRequested]
        if followee in asked:
            kinds += [FollowApproved, FollowDenied]
        kind = random.choice(kinds)
        fields = {"request": asked[followee]} if kind in (FollowApproved, FollowDenied) else {}
        event = kind(follower_id=follower, followee_id=followee, at_ms=0, **fields)
        if isinstance(event, FollowRequested):
            asked[followee] = offset
        edges.append(edge_of(Record(event, 0, offset), epoch=0))
    return edges


@pytest.mark.parametrize("seed", range(4))
async def test_a_count_is_what_the_rows_and_the_log_say(seed: int, settings: Settings) -> None:
    random = Random(seed)
    followees = [UserId(new_id()) for _ in range(2)]
    followers = [UserId(new_id()) for _ in range(12)]
    model = MemoryGraph()
    told = [edge for one in followers for edge in history(random, one, followees)]
    for edge in told:
        await model.record_edge(edge)
    repeated = [(random.randrange(PROCESSES), edge) for edge in told * 2]
    random.shuffle(repeated)
    async with AsyncExitStack() as stack:
        graphs = [
            CassandraGraph(await stack.enter_async_context(open_session(settings)))
            for _ in range(PROCESSES)
        ]
        reads = [graph.followers(one) for graph in graphs for one in followees * 4]
        changes = [graphs[process].record_edge(edge) for process, edge in repeated]
        await asyncio.gather(*random.sample([*changes, *reads], len(changes) + len(reads)))
        graph = graphs[0]
        for followee in followees:
            rows = await graph.followers_page(followee, after="", limit=100)
            assert rows == await model.followers_page(followee, after="", limit=100)
            assert await graph.followers_count(followee) == len(rows)
            assert sorted(await graph.followers(followee)) == rows
            waiting = await graph.requests_page(followee, after="", limit=100)
            assert waiting == await model.requests_page(followee, after="", limit=100)
        for follower in followers:
            assert await graph.relations(follower) == await model.relations(follower)
            count = len((await graph.relations(follower)).following)
            assert await graph.followees_count(follower) == count
