"""Requests on Cassandra are listed as long as they wait, and no longer."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest

from instastream.ids import UserId
from instastream.relations import Edge, EdgeState
from instastream.settings import Settings
from instastream.stores.cassandra.graph import (
    EDGE,
    FOLLOW,
    FORGET_REQUEST,
    REQUEST,
    REQUESTED,
    CassandraGraph,
)
from instastream.stores.cassandra.session import Row, Session, open_session
from tests.stores.conftest import new_id

LISTED = "SELECT follower_id FROM requests WHERE followee_id = ?"
Before = Callable[[Callable[[str], Awaitable[None]]], None]


@pytest.fixture
def graph(session: Session) -> CassandraGraph:
    return CassandraGraph(session)


@pytest.fixture
def before(session: Session, monkeypatch: pytest.MonkeyPatch) -> Before:
    """Lets something happen before each statement."""
    execute = session.execute

    def happen(meanwhile: Callable[[str], Awaitable[None]]) -> None:
        async def watched(cql: str, *values: object, **how: bool) -> list[Row]:
            await meanwhile(cql)
            return await execute(cql, *values, **how)

        monkeypatch.setattr(session, "execute", watched)

    return happen


def edge(follower: UserId, followee: UserId, state: EdgeState, version: int) -> Edge:
    return Edge(follower_id=follower, followee_id=followee, state=state, version=version)


def a_request() -> Edge:
    return edge(UserId(new_id()), UserId(new_id()), "requested", 3)


def ended(one: Edge) -> Edge:
    return edge(one.follower_id, one.followee_id, "none", 5)


async def listed(session: Session, followee: UserId) -> list[UserId]:
    """Every row, whether or not anyone is shown it."""
    return [UserId(str(row.follower_id)) for row in await session.execute(LISTED, int(followee))]


async def test_a_request_that_ended_is_not_listed_though_nobody_looked(
    session: Session, graph: CassandraGraph
) -> None:
    """Its edge is forgotten after a while, and then nobody would know any more."""
    for order in permutations((0, 1, 0)):
        asked = a_request()
        for at in order:
            await graph.record_edge((asked, ended(asked))[at])
        assert await listed(session, asked.followee_id) == []


@pytest.mark.parametrize("step", [REQUEST, FOLLOW, REQUESTED, EDGE])
async def test_a_request_that_ends_while_it_is_recorded_is_not_listed(
    session: Session, graph: CassandraGraph, settings: Settings, before: Before, step: str
) -> None:
    asked = a_request()
    async with open_session(settings) as other:

        async def meanwhile(cql: str) -> None:
            if cql == step:
                await CassandraGraph(other).record_edge(ended(asked))

        before(meanwhile)
        await graph.record_edge(asked)
        assert await listed(other, asked.followee_id) == []


async def test_a_request_that_is_listed_while_it_is_recorded_is_not_lost(
    graph: CassandraGraph, settings: Settings, before: Before
) -> None:
    asked = a_request()
    async with open_session(settings) as other:

        async def meanwhile(cql: str) -> None:
            if cql == FOLLOW:
                page = await CassandraGraph(other).requests_page(
                    asked.followee_id, after="", limit=9
                )
                assert page == []

        before(meanwhile)
        await graph.record_edge(asked)
        page = await graph.requests_page(asked.followee_id, after="", limit=9)
        assert page == [asked.follower_id]


async def test_whoever_asks_again_is_listed_though_the_end_before_is_told_again(
    session: Session, graph: CassandraGraph
) -> None:
    asked = a_request()
    again = edge(asked.follower_id, asked.followee_id, "requested", 6)
    for one in (asked, ended(asked), again, ended(asked), asked):
        await graph.record_edge(one)
    assert await listed(session, asked.followee_id) == [asked.follower_id]


async def test_who_unfollows_leaves_no_tombstone_among_requests(
    graph: CassandraGraph, before: Before
) -> None:
    said: list[str] = []

    async def meanwhile(cql: str) -> None:
        said.append(cql)

    before(meanwhile)
    one = a_request()
    await graph.record_edge(edge(one.follower_id, one.followee_id, "follows", 3))
    await graph.record_edge(ended(one))
    assert FOLLOW in said
    assert FORGET_REQUEST not in said


async def test_the_edges_of_a_page_are_asked_for_at_once(
    graph: CassandraGraph, before: Before
) -> None:
    followee = UserId(new_id())
    followers = [UserId(new_id()) for _ in range(3)]
    for one in followers:
        await graph.record_edge(edge(one, followee, "requested", 3))
    all_ask = asyncio.Barrier(len(followers))

    async def meanwhile(cql: str) -> None:
        if cql == EDGE:
            await all_ask.wait()

    before(meanwhile)
    async with asyncio.timeout(10):
        assert await graph.requests_page(followee, after="", limit=9) == followers
