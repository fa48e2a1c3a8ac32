"""What a list has no room for, or lost, is in the feed all the same, in its place."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from instastream import graph
from instastream.deps import Deps
from instastream.events import Event, UserFollowed, UserMuted, UserUnfollowed, UserUnmuted
from instastream.handlers import feeds
from instastream.ids import PostId, UserId
from instastream.reading import pages, rebuilding
from instastream.stores import memory_feeds
from tests.flow.conftest import Streams, join, post
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


def do(world: World, kind: type[Event] | None, author: int) -> None:
    reader, other = world.people[READER], world.people[author]
    if kind is None:
        world.post(other, fanout="push")
        return
    one, two = (name for name in kind.__struct_fields__ if name.endswith("_id"))
    world.say(kind(**{one: reader, two: other}, at_ms=world.stores.now_ms))
