"""What a list has no room for, or lost, is in the feed all the same, in its place."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from instastream import graph
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import Event, UserFollowed, UserMuted, UserUnfollowed, UserUnmuted
from instastream.handlers import feeds
from instastream.ids import PostId, UserId
from instastream.limits import REBUILDS_RATE, Rate
from instastream.reading import pages, rebuilding
from instastream.stores import memory_feeds
from instastream.stores.memory_rates import MemoryRates
from instastream.stores.rates import Taken
from tests.conftest import measured
from tests.flow.conftest import Streams, join, post
from tests.flow.feed_stores import NOW_MS
from tests.flow.feed_world import PEOPLE, World
from tests.flow.reader import feed

LENGTH = 3
READER, *AUTHORS = PEOPLE
FOLLOW, UNFOLLOW = UserFollowed, UserUnfollowed
MUTE, UNMUTE = UserMuted, UserUnmuted
ADA, BOB, CID = AUTHORS


class Act(NamedTuple):
    """What an author does, or the reader about them; None is a post."""

    kind: type[Event] | None
    author: int


def acts(kind: type[Event] | None, *authors: int) -> list[Act]:
    return [Act(kind, author) for author in authors]


@pytest.fixture(autouse=True, scope="module")
def short_lists() -> Iterator[None]:
    """Most of a feed is read from where its list ends."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (feeds, memory_feeds, pages, rebuilding):
            patch.setattr(module, "FEED_LENGTH", LENGTH)
        patch.setattr(rebuilding, "REBUILD_LENGTH", 1)
        yield


@given(
    st.lists(
        st.builds(
            Act,
            st.sampled_from([None, None, FOLLOW, UNFOLLOW, MUTE, UNMUTE]),
            st.sampled_from(AUTHORS),
        ),
        max_size=20,
    )
)
@example(acts(None, BOB, ADA, ADA) + acts(FOLLOW, ADA, BOB))
@example(acts(FOLLOW, ADA) + acts(None, ADA, BOB, ADA, ADA) + acts(FOLLOW, BOB))
@example(acts(FOLLOW, ADA) + acts(None, ADA, ADA) + acts(MUTE, ADA) + acts(UNMUTE, ADA))
@example(
    acts(FOLLOW, ADA, CID)
    + acts(None, BOB, CID, *[ADA] * LENGTH)
    + acts(MUTE, ADA)
    + acts(FOLLOW, BOB)
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_a_feed_is_all_that_its_authors_posted_whoever_was_followed_or_muted_when(
    given: list[Act],
) -> None:
    world = World()
    try:
        reader = world.people[READER]
        world.read(reader, api=0)
        world.come_to_rest()
        for kind, author in given:
            do(world, kind, author)
            world.come_to_rest()
            world.check_feeds()
    finally:
        world.close()


async def test_who_comes_in_while_another_is_taken_out_leaves_no_gap(
    deps: Deps, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob, cid, reader = await join(deps, "ada", "bob", "cid", "reader")
    await graph.follow(reader, ada, deps)
    authors = (cid, bob, bob, ada, ada)
    posts = [(await post(deps, author)).post_id for author in authors]
    await streams.run()
    timeline = deps.posts.timeline

    async def meanwhile(author: UserId, **asked: Any) -> list[PostId]:
        found = await timeline(author, **asked)
        if author == ada:
            await feeds._backfill(reader, bob, deps)
        return found

    await graph.unfollow(reader, ada, deps)
    await graph.follow(reader, bob, deps)
    with monkeypatch.context() as patch:
        patch.setattr(deps.posts, "timeline", meanwhile)
        await feeds._settle(reader, ada, deps)
    await graph.follow(reader, cid, deps)
    await feeds._settle(reader, cid, deps)
    assert await feed(deps, reader) == posts[2::-1]


async def test_an_author_is_looked_at_closely_whose_latest_post_is_the_last_but_one(
    deps: Deps,
) -> None:
    ada, bob, cid, reader = await join(deps, "ada", "bob", "cid", "reader")
    for author in (ada, bob, cid):
        await graph.follow(reader, author, deps)
    posts = [(await post(deps, author)).post_id for author in (cid, bob, bob, ada)]
    assert await rebuilding.newest_of_all(reader, deps) == posts[:0:-1]


async def test_below_the_end_of_a_full_list_nothing_is_missing_and_nothing_unwanted(
    deps: Deps,
) -> None:
    author, reader = await join(deps, "author", "reader")
    await graph.follow(reader, author, deps)
    posts = [(await post(deps, author)).post_id for _ in range(LENGTH + 2)][::-1]
    await Streams(deps, Random(0)).run()
    lacked = posts[LENGTH - 1]
    await deps.feeds.open(reader, reader, anew=True)
    await deps.feeds.fill(reader, reader, [one for one in posts if one != lacked])
    changed = await rebuilding.renew(reader, deps, dry_run=False)
    assert changed == rebuilding.Rebuilt(reader, LENGTH, missing=[lacked], unwanted=[])


class Away:
    """Rates that can't be reached."""

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        raise Unavailable("redis", "connection refused")


async def test_a_list_that_is_lost_over_and_over_is_made_now_and_then(deps: Deps) -> None:
    now_ms = NOW_MS
    deps = replace(deps, rates=MemoryRates(lambda: now_ms))
    author, reader, other = await join(deps, "author", "reader", "other")
    for one in (reader, other):
        await graph.follow(one, author, deps)
    posts = [(await post(deps, author)).post_id for _ in range(LENGTH + 1)][::-1]
    await Streams(deps, Random(0)).run()

    async def is_made(deps: Deps, reader: UserId = reader) -> bool:
        """Whether a read makes the list that a mute takes away; the feed is whole anyway."""
        for act in (graph.mute, graph.unmute):
            await act(reader, author, deps)
            await feeds._settle(reader, author, deps)
        assert await deps.feeds.read(reader) is None
        assert await feed(deps, reader) == posts
        return await deps.feeds.read(reader) is not None

    assert all([await is_made(deps) for _ in range(REBUILDS_RATE.at_once)])
    before = measured("feed_reads_without_list_total", why="pace")
    assert not await is_made(deps)
    assert measured("feed_reads_without_list_total", why="pace") == before + 1
    assert await is_made(deps, other), "each has a pace of their own"
    assert await is_made(replace(deps, rates=Away())), "where nobody can tell"
    now_ms += int(REBUILDS_RATE.every_s * 1000) - 1
    assert not await is_made(deps)
    now_ms += 1
    assert [await is_made(deps) for _ in range(2)] == [True, False]
    await rebuilding.renew(reader, deps, dry_run=False)
    assert await deps.feeds.read(reader) == posts[:LENGTH], "the command has no pace"


def do(world: World, kind: type[Event] | None, author: int) -> None:
    reader, other = world.people[READER], world.people[author]
    if kind is None:
        world.post(other, fanout="push")
        return
    one, two = (name for name in kind.__struct_fields__ if name.endswith("_id"))
    world.say(kind(**{one: reader, two: other}, at_ms=world.stores.now_ms))
