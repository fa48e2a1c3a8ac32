"""A feed is the newest of all that it shows, wherever its list ends and whoever is pulled."""

import asyncio
from collections.abc import Iterator, Sequence, Set
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.ids import PostId, UserId
from instastream.reading import pages
from instastream.reading.circles import Circle
from instastream.reading.pages import Feed
from instastream.relations import Relations

LENGTH = 4  # of a list
POSTS_MAX = 3 * LENGTH
READER, STRANGER = UserId("r"), UserId("s")
AUTHORS = (UserId("a"), UserId("b"), UserId("c"))
LATEST = PostId("99")


@pytest.fixture(autouse=True, scope="module")
def short_lists() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "FEED_LENGTH", LENGTH)
        yield


class World:
    """Posts by age, a list of the newest of those that were pushed, and what a process knows."""

    def __init__(
        self, authors: Sequence[UserId], pulled: Set[UserId], length: int | None, both: bool
    ) -> None:
        self.posts = [(PostId(str(10 + at)), author) for at, author in enumerate(authors)][::-1]
        self.pulled = pulled
        self.feed = [post_id for post_id, author in self.posts if author in AUTHORS]
        pushed = [
            post_id
            for post_id, author in self.posts
            if author in AUTHORS and (both or author not in pulled)
        ]
        self.listed = None if length is None else pushed[:length]
        self.circle = Circle(Relations(following=frozenset(AUTHORS)))
        self.asked: list[set[UserId]] = []  # whose timelines

    async def celebrities(self) -> frozenset[UserId]:
        return frozenset(self.pulled)

    async def timelines(
        self, authors: Sequence[UserId], *, before: PostId, limit: int
    ) -> list[list[PostId]]:
        assert limit > 0
        self.asked.append(set(authors))
        return [
            [post_id for post_id, by in self.posts if by == one and post_id < before][:limit]
            for one in authors
        ]

    async def look(self, *, head: tuple[UserId, int]) -> tuple[list[PostId] | None, tuple[()]]:
        reader, length = head
        assert reader == READER
        return (None if self.listed is None else self.listed[:length]), ()

    async def read(self, count: int, *, limit: int) -> list[PostId]:
        """So many ids, in pages of some."""
        listed, _ = await self.look(head=(READER, limit))
        known: Any = self
        feed = Feed(READER, self.circle, listed, asked=limit, latest=LATEST, known=known)
        ids: list[PostId] = []
        while len(ids) < count:
            page = await feed.below(ids[-1] if ids else LATEST, limit)
            assert len(page) <= limit
            ids += page
            if len(page) < limit:
                break
        return ids[:count]


worlds = st.builds(
    World,
    st.lists(st.sampled_from([*AUTHORS, STRANGER]), max_size=POSTS_MAX),
    st.sets(st.sampled_from([*AUTHORS, STRANGER]), max_size=2),
    st.none() | st.integers(0, LENGTH),
    st.booleans(),
)


@given(worlds, st.integers(1, POSTS_MAX + 1), st.integers(0, POSTS_MAX))
def test_pages_of_any_length_are_the_newest_of_all_also_when_they_are_read_again(
    world: World, limit: int, first: int
) -> None:
    for count in (first, POSTS_MAX, POSTS_MAX):
        assert asyncio.run(world.read(count, limit=limit)) == world.feed[:count]


@given(worlds, st.integers(1, POSTS_MAX + 1))
def test_timelines_are_read_of_whom_they_are_needed_and_not_again_once_a_list_was_whole(
    world: World, limit: int
) -> None:
    asyncio.run(world.read(POSTS_MAX, limit=limit))
    assert all(asked in (set(AUTHORS), world.pulled - {STRANGER}) for asked in world.asked)
    world.asked.clear()
    asyncio.run(world.read(POSTS_MAX, limit=limit))
    whole = world.listed == world.feed and len(world.feed) < LENGTH
    if whole and not world.pulled - {STRANGER}:
        assert world.asked == []


@given(worlds)
def test_a_first_page_that_the_list_has_asks_no_timeline_but_of_the_pulled(world: World) -> None:
    if world.listed:
        asyncio.run(world.read(len(world.listed), limit=len(world.listed)))
        assert world.asked in ([], [world.pulled - {STRANGER}])
