"""Comments in Cassandra: what a page costs, and what a write that was cut short leaves."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from instastream.errors import Unavailable
from instastream.ids import CommentId, PostId
from instastream.stores.cassandra import generations
from instastream.stores.cassandra.comments import ADD, CassandraComments
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.comments import Order
from tests.stores.test_comments import BOTH, added, edited


@dataclass
class Watched:
    """A session's queries, each in a list of those at the same moment; one may fail."""

    execute: Any
    fails: str = ""
    rounds: list[int] = field(default_factory=list)
    running: int = 0

    async def __call__(self, cql: str, *values: object, **how: Any) -> list[Row]:
        if cql == generations.READ:  # which everyone asks, once a second
            return list(await self.execute(cql, *values, **how))
        if cql == self.fails:
            raise Unavailable("cassandra", "no host")
        if not self.running:
            self.rounds.append(0)
        self.rounds[-1] += 1
        self.running += 1
        try:
            return list(await self.execute(cql, *values, **how))
        finally:
            self.running -= 1


@pytest.fixture
def watched(session: Session, monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(session.execute)
    monkeypatch.setattr(session, "execute", watched)
    return watched


@pytest.fixture
def comments(session: Session, watched: Watched) -> CassandraComments:
    return CassandraComments(session)


async def costs(
    comments: CassandraComments, watched: Watched, post_id: PostId, order: Order, limit: int
) -> list[list[int]]:
    """Of each page of a thread, how many queries it made one after another, and each time."""
    pages: list[list[int]] = []
    after: CommentId | None = None
    while True:
        watched.rounds = []
        page = await comments.thread(post_id, order=order, after=after, limit=limit)
        if not page:
            return pages
        pages.append(watched.rounds)
        after = page[-1].comment_id


async def test_a_page_costs_as_much_in_a_thread_of_many_buckets(
    comments: CassandraComments, watched: Watched, post_ids: list[PostId]
) -> None:
    events = [added(post_ids[0], bucket=number // 10) for number in range(200)]
    await asyncio.gather(*(comments.record_added(event) for event in events))
    for order in BOTH:
        pages = await costs(comments, watched, post_ids[0], order, 10)
        assert pages[0] == [1, 1], "its buckets, one bucket"
        assert pages[1:-1] == [[1, 1, 1, 1, 2]] * 18, "the place; a bucket's end; two buckets"
        assert pages[-1] == [1, 1, 1, 1, 1]


async def test_buckets_with_few_comments_are_read_together(
    comments: CassandraComments, watched: Watched, post_ids: list[PostId]
) -> None:
    events = [added(post_ids[0], bucket=number * 100) for number in range(60)]
    await asyncio.gather(*(comments.record_added(event) for event in events))
    for order in BOTH:
        pages = await costs(comments, watched, post_ids[0], order, 30)
        assert pages == [[1, 1, 1, 2, 1, 4, 1, 8, 1, 16], [1, 1, 1, 1, 2, 1, 4, 1, 8, 1, 16]]


async def test_a_comment_whose_row_was_not_written_is_not_there_until_it_is(
    comments: CassandraComments, watched: Watched, post_ids: list[PostId]
) -> None:
    event = added(post_ids[0])
    watched.fails = ADD
    with pytest.raises(Unavailable):
        await comments.record_added(event)
    assert await comments.get([event.comment_id]) == {}
    await comments.record_edited(edited(event, "later"), version=1)
    assert await comments.get([event.comment_id]) == {}
    watched.fails = ""
    await comments.record_added(event)
    [comment] = (await comments.get([event.comment_id])).values()
    assert comment.text == "later"
