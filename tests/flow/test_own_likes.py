"""A read after one's own like shows it, and no read shows a count that never was.

What Redis lost before it was counted is owed by the process that took it alone.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from instastream import liking
from instastream.deps import Deps
from instastream.events import Event, Record
from instastream.handlers.engagement import count_likes
from instastream.ids import PostId, UserId
from instastream.likes import LikeEvent, shard_of
from instastream.limits import COUNTS_AGE_MS, FLAGS_AGE_MS
from instastream.reading.known import Known
from instastream.reading.totals import Numbers
from instastream.relations import Relations
from instastream.stores.epochs import NoEpochs
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_counters import MemoryCounters
from instastream.stores.memory_counts import MemoryCounts
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_rates import MemoryRates
from instastream.stores.posts import Post
from instastream.stores.users import User
from tests.flow.interleaving import PROCESS, Interleaver

POSTS = {PostId("1571234567890123456"): 1, PostId("1571234567890123457"): 3}  # shards
USERS = [UserId(str(1571234567890123460 + n)) for n in range(4)]


class Told(Struct):
    """What someone said of a post, and was told that it is taken."""

    offset: int
    losses: int  # of Redis, up to then
    taker: Known


class Read(Struct):
    """What someone was shown of a post, what they had said before, and what the log held then."""

    viewer: UserId
    post_id: PostId
    said: int  # where in the log is what they were told is taken, -1: nothing
    log: list[LikeEvent]  # of the post
    numbers: Numbers


class OneLog:
    """One partition."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.by_process: dict[int, int] = {}

    async def append(self, event: Event) -> Record[Event]:
        self.events.append(event)
        offset = self.by_process[PROCESS.get()] = len(self.events) - 1
        return Record(event, 0, offset)


class World:
    """Who likes, who reads, and who counts; every call to a store can be held up."""

    def __init__(self) -> None:
        self.loop = Interleaver()
        self.now_ms = 1_795_000_000_000
        self.losses = self.counted = self.minted = 0
        self.log, self.counts, self.likes = OneLog(), MemoryCounts(), MemoryCounters()
        self.told = MemoryChanges(MemoryFeeds(), self.counts)
        gated = self.loop.gated
        deps = SimpleNamespace(
            now_ms=lambda: self.now_ms,
            ids=self,
            log=gated(self.log),
            posts=self,
            users=self,
            graph=self,
            epochs=NoEpochs(),
            likes=gated(self.likes),
            comment_ids=MemoryCounters(),
            counts=gated(self.counts),
            changes=gated(self.told),
            rates=MemoryRates(lambda: self.now_ms),
        )
        self.deps = cast(Deps, deps)
        self.known = [
            Known(
                self.deps,
                show=lambda post, size: b"",
                show_numbers=lambda numbers: b"",
                sizes=("feed",),
            )
            for _ in range(2)
        ]
        self.told_of: defaultdict[tuple[UserId, PostId], list[Told]] = defaultdict(list)
        self.counting: list[int] = []
        self.reads: list[Read] = []

    async def mint(self) -> str:
        self.minted += 1
        return str(1571234567890200000 + self.minted)

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        return {
            post_id: Post(
                post_id=post_id,
                author_id=USERS[0],
                caption="",
                media=[],
                media_count=0,
                like_shards=POSTS[post_id],
            )
            for post_id in post_ids
        }

    async def get_all(self, user_ids: list[UserId]) -> dict[UserId, User]:
        return {
            one: User(user_id=one, username="x", joined_ms=0, private=False) for one in user_ids
        }

    async def relations(self, reader: UserId) -> Relations:
        return Relations()

    async def like(self, user_id: UserId, post_id: PostId, taker: Known, *, liked: bool) -> None:
        act = liking.like if liked else liking.unlike
        await act(user_id, post_id, taker, self.deps)
        told = Told(self.log.by_process[PROCESS.get()], self.losses, taker)
        self.told_of[user_id, post_id].append(told)

    async def count(self, start: int, end: int) -> None:
        """A batch; whoever counts again what is counted changes nothing."""
        records = [Record(self.log.events[n], 0, n) for n in range(start, end)]
        await count_likes(records, self.deps)
        self.counted = max(self.counted, end)

    async def read(self, viewer: UserId, known: Known) -> None:
        before = {post_id: [*self.told_of[viewer, post_id]] for post_id in POSTS}
        subjects: Mapping[Any, int] = POSTS
        numbers = await known.numbers(viewer, subjects)
        for post_id, told in before.items():
            log = [one for one in self.log.events if one.post_id == post_id]
            owed = [one for one in told if one.taker is known or one.losses == self.losses]
            at = -1
            if owed:
                last = max(one.offset for one in owed)
                at = sum(one.post_id == post_id for one in self.log.events[:last])
            self.reads.append(Read(viewer, post_id, at, log, numbers[post_id]))

    def do(self, what: str, number: int) -> None:
        user, post_id = USERS[number % 4], [*POSTS][number // 4 % 2]
        known = self.known[number // 8 % 2]
        match what:
            case "like" | "unlike":
                self.loop.start(self.like(user, post_id, known, liked=what == "like"))
            case "read":
                self.loop.start(self.read(user, known))
            case "count":
                start = max(0, self.counted - number % 3)
                if start < len(self.log.events):
                    end = min(len(self.log.events), start + 1 + number // 3)
                    self.counting.append(self.loop.start(self.count(start, end)))
            case "kill":
                if self.counting:
                    self.loop.kill(self.counting.pop())
            case "expire":
                self.counts.kept.clear()
            case "lose":
                self.losses += 1
                self.counts.kept.clear()
                self.counts.expected.clear()
                self.told.flush()
            case "wait":
                self.now_ms += (COUNTS_AGE_MS, FLAGS_AGE_MS)[number % 2] + 1
            case "rest":
                self.loop.finish()
            case _:
                if waiting := self.loop.waiting():
                    self.loop.step(number % len(waiting))


def check(read: Read) -> None:
    """Whether there was such a count, and a flag, with all that the viewer had said.

    What they said counts right after some event of their shard, if it is not among those before.
    """
    own = shard_of(read.viewer, POSTS[read.post_id])
    shards: defaultdict[int, list[LikeEvent]] = defaultdict(list)
    mine = []  # what may be the last that is shown of theirs, in their shard
    for at, event in enumerate(read.log):
        if event.user_id == read.viewer and at >= read.said:
            mine.append(len(shards[own]))
        shards[event.shard].append(event)
    here = shards.pop(own, [])
    flags = {_is_like(here[n]) for n in mine} | ({False} if read.said < 0 else set())
    counts = set()
    for end in range(len(here) + 1):
        members = _members(here[:end])
        if read.said < 0 or any(n < end for n in mine):
            counts.add(len(members))
        counts |= {len(members - {read.viewer}) + _is_like(here[n]) for n in mine if n >= end}
    assert read.numbers.liked in flags
    assert read.numbers.likes in map(sum, product(counts, *map(_counts, shards.values())))


def _counts(events: list[LikeEvent]) -> set[int]:
    """After each event, and before all."""
    return {len(_members(events[:end])) for end in range(len(events) + 1)}


def _members(events: list[LikeEvent]) -> set[UserId]:
    last = {event.user_id: _is_like(event) for event in events}
    return {user_id for user_id, liked in last.items() if liked}


def _is_like(event: LikeEvent) -> bool:
    return hasattr(event, "like_id")


OFTEN = ["like"] * 4 + ["unlike"] * 2 + ["read"] * 6 + ["count"] * 4
OFTEN += ["step"] * 20 + ["rest"] * 10
SELDOM = ["kill", "expire", "lose", "wait", "wait"]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from(OFTEN + SELDOM), st.integers(0, 15)), min_size=20, max_size=150
    )
)
def test_own_likes_are_shown_and_no_count_is_made_up(taken: list[tuple[str, int]]) -> None:
    world = World()
    try:
        for what, number in taken:
            world.do(what, number)
        world.loop.finish()
        for read in world.reads:
            check(read)
    finally:
        world.loop.close()
