"""No read shows what was before a change that was acknowledged when it began, whatever happens."""

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from instastream.deps import Deps
from instastream.ids import PostId, UserId
from instastream.reading.known import Known
from instastream.relations import Relations
from instastream.stores.changes import Change
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.posts import Post
from tests.flow.interleaving import Interleaver

POST, USER = PostId("1571234567890123456"), UserId("1571234567890123457")
SIZE = "feed"


class Store:
    """A post, a reader's relations and the celebrities, each a number that only grows."""

    def __init__(self) -> None:
        self.versions = {"post": 0, "user": 0, "celebrity": 0}

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        caption = str(self.versions["post"])
        post = Post(post_id=POST, author_id=USER, caption=caption, media=[], media_count=1)
        return dict.fromkeys(post_ids, post)

    async def relations(self, reader: UserId) -> Relations:
        return Relations(following={UserId(str(self.versions["user"]))})

    async def celebrities(self) -> list[UserId]:
        return [UserId(str(self.versions["celebrity"]))]

    async def write(self, kind: str) -> int:
        self.versions[kind] += 1
        return self.versions[kind]


class World:
    """Writers and readers of two API processes, whose every call to a store can be held up."""

    def __init__(self) -> None:
        self.loop = Interleaver()
        self.store = self.loop.gated(Store())
        self.told = MemoryChanges(MemoryFeeds())
        changes = self.loop.gated(self.told)
        deps = SimpleNamespace(
            posts=self.store, graph=self.store, changes=changes, now_ms=lambda: 1_795_000_000_000
        )
        self.deps = cast(Deps, deps)
        self.known = [
            Known(
                self.deps,
                show=lambda post, size: post.caption.encode(),
                show_numbers=lambda numbers: b"",
                sizes=(SIZE,),
            )
            for _ in range(2)
        ]
        self.acknowledged = {"post": 0, "user": 0, "celebrity": 0}
        self.reads: list[tuple[dict[str, int], dict[str, int]]] = []  # at least, and seen

    async def write(self, kind: Any) -> None:
        version = await self.store.write(kind)
        await self.deps.changes.tell(Change(kind, USER, POST))
        self.acknowledged[kind] = max(self.acknowledged[kind], version)

    async def read(self, known: Known) -> None:
        before = dict(self.acknowledged)
        await known.look()
        shown = (await known.shown([POST], SIZE))[POST]
        assert shown
        seen = {
            "post": int(shown.body),
            "user": min(map(int, (await known.circle(USER)).in_feed)),
            "celebrity": min(map(int, await known.celebrities())),
        }
        self.reads.append((before, seen))

    def do(self, step: tuple[str, int]) -> None:
        what, number = step
        match what:
            case "write":
                self.loop.start(self.write(("post", "user", "celebrity")[number % 3]))
            case "read":
                self.loop.start(self.read(self.known[number % 2]))
            case "flush":
                self.told.flush()
            case "trim":
                self.told.trim(number % 3)
            case _:
                if waiting := self.loop.waiting():
                    self.loop.step(number % len(waiting))


steps = st.tuples(
    st.sampled_from(["write", "write", "read", "read", "flush", "trim", *["step"] * 12]),
    st.integers(0, 11),
)


@settings(max_examples=300)
@given(st.lists(steps, min_size=10, max_size=120))
def test_a_read_shows_what_was_acknowledged_before_it_began(taken: list[tuple[str, int]]) -> None:
    world = World()
    try:
        for step in taken:
            world.do(step)
        world.loop.finish()
        assert len(world.reads) == sum(what == "read" for what, _ in taken)
        for least, seen in world.reads:
            assert all(seen[kind] >= least[kind] for kind in least)
    finally:
        world.loop.close()
