"""A list that was lost is made again, whoever else makes it, pushes to it, or is killed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from instastream.deps import Deps
from instastream.events import MediaReady, Record
from instastream.handlers.feeds import fan_out
from instastream.ids import MediaId, PostId, UserId, compose
from instastream.limits import FEED_LENGTH, REBUILD_LEASE_S, REBUILD_LENGTH, TIMELINES_AT_ONCE
from instastream.reading.rebuilding import newest_of_all, rebuild, renew
from instastream.relations import Edge, Wall
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_posts import MemoryPosts
from tests.flow.conftest import Streams, join, post
from tests.flow.interleaving import Interleaver
from tests.flow.reader import feed
from tests.unit.api.conftest import FOLDER

REBUILD_STEPS, PUSH_STEPS = 7, 6  # store calls, and one more
ENDS = 100
MEDIA = MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")
NOW_MS = 1_795_000_000_000
UNUSED = {*Deps.__dataclass_fields__} - {
    *("feeds", "graph", "posts", "changes", "ids", "now_ms", "sleep")
}


def numbered(number: int) -> str:
    return compose(at_ms=NOW_MS - 10**7 + number, worker=0, sequence=0)


READER = UserId(numbered(1))


class Ids:
    """Counts."""

    def __init__(self) -> None:
        self.minted = 0

    async def mint(self) -> str:
        self.minted += 1
        return str(self.minted)


class World:
    """A cold reader who follows some authors, and processes that take turns at stores."""

    def __init__(self, authors: int = 2) -> None:
        self.now_s = 0.0
        self.loop = Interleaver()
        self.feeds = MemoryFeeds(now_s=lambda: self.now_s)
        self.graph, self.posts = MemoryGraph(), MemoryPosts()
        self.authors = [UserId(numbered(10 + n)) for n in range(authors)]
        for author in self.authors:
            edge = Edge(follower_id=READER, followee_id=author, state="follows", version=0)
            self.graph.edges[READER, author] = edge
        self.ids = [self.posted(author) for author in self.authors * 2]
        gated = self.loop.gated
        self.deps = Deps(
            feeds=gated(self.feeds),
            graph=gated(self.graph),
            posts=gated(self.posts),
            changes=gated(MemoryChanges(self.feeds)),
            ids=Ids(),
            now_ms=lambda: NOW_MS,
            **dict.fromkeys(UNUSED),  # type: ignore[arg-type]
        )
        self.made: dict[int, list[PostId] | None] = {}

    def posted(self, author: UserId, *, ready: bool = True) -> PostId:
        post_id = PostId(numbered(1_000 + len(self.posts.ready)))
        if ready:
            self.posts.ready[post_id][0] = self.ready(post_id, author)
        return post_id

    def ready(self, post_id: PostId, author: UserId) -> MediaReady:
        return MediaReady(
            media_id=MEDIA,
            post_id=post_id,
            author_id=author,
            digest=FOLDER,
            variants=[],
            at_ms=NOW_MS,
        )

    def rebuild(self, *, anew: bool = False) -> int:
        async def process() -> None:
            number = self.deps.ids.minted + 1  # type: ignore[attr-defined]
            self.made[number] = await rebuild(READER, self.deps, anew=anew)

        return self.loop.start(process())

    def push(self) -> int:
        post_id = self.posted(self.authors[0], ready=False)
        event = self.ready(post_id, self.authors[0])
        self.ids.append(post_id)

        async def process() -> None:
            await fan_out(Record(event, 0, 0), self.deps)

        return self.loop.start(process())

    def advance(self, process: int, steps: int) -> None:
        """So many store calls of a process, or all that it still makes."""
        for _ in range(steps):
            waiting = self.loop.waiting()
            if process not in waiting:
                break
            self.loop.step(waiting.index(process))

    def expect_whole(self) -> None:
        """The list, made now if there is none, has every post once, as whoever made it said."""
        if self.feeds.lists.get(READER) is None or READER in self.feeds.opened:
            self.now_s += REBUILD_LEASE_S
            self.advance(self.rebuild(), ENDS)
        assert READER not in self.feeds.opened
        assert self.feeds.lists[READER] == self.ids
        for made in self.made.values():
            assert made is None or made[-4:] == self.ids[3::-1]


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    """Those that a test makes, to be closed."""
    made: list[World] = []
    yield made
    for world in made:
        world.loop.close()


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("first_ends_first", [False, True])
def test_two_rebuilds_and_a_push(worlds: list[World], anew: bool, first_ends_first: bool) -> None:
    for before, pushed, between in product(
        range(REBUILD_STEPS), range(PUSH_STEPS), range(REBUILD_STEPS)
    ):
        worlds.append(world := World())
        first, push, second = world.rebuild(), world.push(), world.rebuild(anew=anew)
        world.advance(first, before)
        world.advance(push, pushed)
        world.advance(second, between)
        for process in (first, push, second) if first_ends_first else (second, first, push):
            world.advance(process, ENDS)
        world.expect_whole()


def test_a_rebuild_that_stands_still_past_its_lease(worlds: list[World]) -> None:
    for before, pushed, between in product(
        range(REBUILD_STEPS), range(PUSH_STEPS), range(REBUILD_STEPS)
    ):
        worlds.append(world := World())
        sleeper, push = world.rebuild(), world.push()
        world.advance(sleeper, before)
        world.now_s += REBUILD_LEASE_S
        world.advance(push, pushed)
        second = world.rebuild()
        world.advance(second, between)
        world.advance(sleeper, ENDS)
        world.advance(push, ENDS)
        world.advance(second, ENDS)
        world.expect_whole()


def test_a_rebuild_that_is_killed_anywhere_is_done_again(worlds: list[World]) -> None:
    for before, pushed in product(range(REBUILD_STEPS), range(PUSH_STEPS)):
        worlds.append(world := World())
        killed, push = world.rebuild(), world.push()
        world.advance(killed, before)
        world.advance(push, pushed)
        world.loop.kill(killed)
        world.advance(push, ENDS)
        world.expect_whole()


def test_a_rebuild_that_lost_its_list_reads_no_further(worlds: list[World]) -> None:
    worlds.append(world := World(authors=TIMELINES_AT_ONCE * 3))
    sleeper = world.rebuild()
    world.advance(sleeper, 2 + TIMELINES_AT_ONCE)
    world.advance(world.rebuild(anew=True), ENDS * 3)
    assert world.loop.waiting() == [sleeper], "it asks whether the list is still its own"
    world.advance(sleeper, 1)
    assert world.loop.waiting() == []
    assert world.made[1] is None
    world.expect_whole()


async def test_nobody_waits_for_a_rebuild_that_was_killed(deps: Deps, streams: Streams) -> None:
    now_s = 0.0
    author, reader = await join(deps, "author", "reader")
    deps = replace(deps, feeds=(feeds := MemoryFeeds(now_s=lambda: now_s)))
    deps = replace(deps, changes=MemoryChanges(feeds))
    await deps.graph.record_edge(
        Edge(follower_id=reader, followee_id=author, state="follows", version=0)
    )
    posts = [(await post(deps, author)).post_id for _ in range(3)]
    await Streams(deps, Random(0)).run()
    await feeds.open(reader, "killed")
    assert await feed(deps, reader) == posts[::-1], "from the timelines"
    assert await feeds.read(reader) is None
    now_s = REBUILD_LEASE_S
    assert await feed(deps, reader) == posts[::-1]
    assert await feeds.read(reader) == posts[::-1], "the list is there again"
    del feeds.lists[reader]
    await feeds.open(reader, "killed too")
    assert await feed(deps, reader) == posts[::-1], "whatever was known of the list that was there"


def stores_of(posted: dict[UserId, int], seed: int) -> Any:
    """Authors with so many posts each, in any order; all that a rebuild reads."""
    random, graph, posts = Random(seed), MemoryGraph(), MemoryPosts()
    authors = [author for author, many in posted.items() for _ in range(many)]
    random.shuffle(authors)
    for number, author in enumerate(authors):
        post_id = PostId(numbered(1_000 + number))
        posts.ready[post_id][0] = World.ready(None, post_id, author)  # type: ignore[arg-type]
    for author in posted:
        graph.edges[READER, author] = Edge(
            follower_id=READER, followee_id=author, state="follows", version=0
        )
    return SimpleNamespace(now_ms=lambda: NOW_MS, graph=graph, posts=posts)


MANY = [0, 1, REBUILD_LENGTH - 1, REBUILD_LENGTH, REBUILD_LENGTH + 1, 90, FEED_LENGTH + 100]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("many", [MANY, [30] * 100, [FEED_LENGTH + 1], [3] * 5, []])
async def test_a_list_is_the_newest_of_all_though_few_authors_are_looked_at_closely(
    many: list[int], seed: int
) -> None:
    posted = {UserId(numbered(10 + n)): count for n, count in enumerate(many)}
    deps = stores_of(posted, seed)
    read: list[PostId] = []
    looked_at: list[UserId] = []
    timeline = deps.posts.timeline

    async def counted(author: UserId, **asked: Any) -> list[PostId]:
        looked_at.append(author)
        read.extend(found := await timeline(author, **asked))
        return list(found)

    deps.posts.timeline = counted
    expected = sorted(deps.posts.ready, reverse=True)[:FEED_LENGTH]
    assert await newest_of_all(READER, deps) == expected
    assert len(looked_at) - len(many) <= FEED_LENGTH // REBUILD_LENGTH
    assert len(set(read)) == len(read)


async def test_a_list_that_is_lost_while_older_posts_are_read_is_not_made() -> None:
    authors = [UserId(numbered(10 + n)) for n in range(TIMELINES_AT_ONCE + 1)]
    deps = stores_of(dict.fromkeys(authors, REBUILD_LENGTH + 1), 0)
    holds = AsyncMock(side_effect=[True, False])
    assert await newest_of_all(READER, deps, holds=holds) is None
    assert holds.await_count == 2


async def test_a_list_is_of_those_alone_whom_the_feed_shows() -> None:
    shown, muted = UserId(numbered(10)), UserId(numbered(11))
    deps = stores_of({shown: 2, muted: 2}, 0)
    deps.graph.walls[READER, muted, "mutes"] = Wall(
        user_id=READER, other_id=muted, kind="mutes", stands=True, version=0
    )
    ids = await newest_of_all(READER, deps)
    assert ids == await deps.posts.timeline(shown, before=PostId("9"), limit=9)


async def test_a_renewal_says_what_it_changes_and_a_dry_run_changes_nothing(
    deps: Deps, streams: Streams
) -> None:
    author, stranger, reader = await join(deps, "author", "stranger", "reader")
    await deps.graph.record_edge(
        Edge(follower_id=reader, followee_id=author, state="follows", version=0)
    )
    posts = [(await post(deps, author)).post_id for _ in range(3)]
    strange = (await post(deps, stranger)).post_id
    await streams.run()
    unready = (await post(deps, author)).post_id
    await deps.feeds.remove(reader, posts[1:2])
    await deps.feeds.insert(reader, [strange])
    before = await deps.feeds.peek(reader)
    foreseen = await renew(reader, deps, dry_run=True)
    assert (foreseen.missing, foreseen.unwanted) == ([posts[1]], [strange])
    assert await deps.feeds.peek(reader) == before
    renewed = await renew(reader, deps, dry_run=False)
    assert renewed == foreseen
    assert await deps.feeds.read(reader) == [unready, *posts[::-1]], "hidden until it is ready"
    again = await renew(reader, deps, dry_run=False)
    assert (again.missing, again.unwanted) == ([], [])
