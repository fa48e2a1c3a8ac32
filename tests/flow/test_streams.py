"""A stream that is resumed misses nothing and repeats nothing, whatever happens as it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from instastream.deps import Deps, now_ms
from instastream.ids import PostId, UserId
from instastream.reading.known import Known
from instastream.reading.streams import Stream, Streams, missed
from instastream.relations import Relations
from instastream.stores.changes import Change, Changes
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from tests.flow.interleaving import Interleaver

READER, FOLLOWED, OTHER = UserId("1"), UserId("2"), UserId("3")
FIRST = "0"  # the entry of the first change


class Graph:
    """Whom the reader follows, which may take long to arrive."""

    def __init__(self, gate: Callable[[], Awaitable[None]]) -> None:
        self.following = {FOLLOWED}
        self._gate = gate

    async def relations(self, reader: UserId) -> Relations:
        following = set(self.following)
        await self._gate()
        return Relations(following=following)

    async def change(self) -> None:
        await self._gate()
        self.following ^= {OTHER}


def _streams(graph: Graph, changes: Changes) -> tuple[Deps, Streams]:
    stores = SimpleNamespace(graph=graph, changes=changes, now_ms=now_ms)
    deps = cast(Deps, stores)
    known = Known(
        deps, show=lambda post, size: b"", show_numbers=lambda numbers: b"", sizes=("feed",)
    )
    return deps, Streams(known, deps)


class World:
    """Streams of one process, each resumed from the first change, whose every call can be held."""

    def __init__(self) -> None:
        self.loop = Interleaver()
        self.graph = Graph(self.loop.gate)
        self.changes = self.loop.gated(MemoryChanges(MemoryFeeds()))
        self.deps, self.streams = _streams(self.graph, self.changes)
        self.opened: list[tuple[Stream, list[PostId]]] = []
        self.landed: list[PostId] = []
        self.listened = False
        self.loop.start(self.changes.tell(Change("user", READER)))
        self.loop.finish()

    async def open(self) -> None:
        stream, place = await self.streams.open(READER)
        events = await missed(FIRST, place, stream, self.deps)
        assert events is not None
        self.opened.append((stream, [post_id for _, post_id in events]))

    async def change(self) -> None:
        await self.graph.change()
        await self.changes.tell(Change("user", READER))

    def land(self) -> None:
        post_id = PostId(str(len(self.landed)))
        self.landed.append(post_id)
        self.loop.start(self.changes.tell(Change("landed", FOLLOWED, post_id)))

    def do(self, step: tuple[str, int]) -> None:
        what, number = step
        match what:
            case "open" if len(self.opened) < 4:
                self.loop.start(self.open())
            case "land":
                self.land()
            case "change":
                self.loop.start(self.change())
            case _:
                if waiting := self.loop.waiting():
                    self.loop.step(number % len(waiting))

    async def listen(self) -> None:
        for stream, events in self.opened:
            events += [post_id for _, post_id in await stream.take(timeout_s=0.001)]
        self.listened = True


steps = st.tuples(
    st.sampled_from(["land", "change", *["step"] * 12]),
    st.integers(0, 11),
)


@settings(max_examples=300)
@given(st.lists(steps, min_size=10, max_size=60), st.lists(st.integers(0, 9), max_size=3))
def test_a_stream_tells_each_post_once_from_where_it_is_resumed(
    taken: list[tuple[str, int]], opened: list[int]
) -> None:
    world = World()
    try:
        for at, step in enumerate(taken):
            for _ in range(opened.count(at)):
                world.do(("open", 0))
            world.do(step)
        world.loop.finish()
        world.loop.start(world.listen())
        while not world.listened:
            world.loop.finish()
        assert len(world.opened) == len(opened)
        for stream, events in world.opened:
            assert sorted(events) == sorted(world.landed)
            assert stream.authors == world.graph.following
    finally:
        world.loop.close()


async def test_relations_that_arrive_late_do_not_undo_a_change_that_was_heard() -> None:
    arrives, reads = asyncio.Event(), 0

    async def first_is_late() -> None:
        nonlocal reads
        reads += 1
        if reads == 1:
            await arrives.wait()

    graph, changes = Graph(first_is_late), MemoryChanges(MemoryFeeds())
    _, streams = _streams(graph, changes)
    opening = asyncio.create_task(streams.open(READER))
    while reads < 1:
        await asyncio.sleep(0)
    graph.following = {FOLLOWED, OTHER}
    await changes.tell(Change("user", READER))
    while reads < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    arrives.set()
    stream, _ = await opening
    assert stream.authors == graph.following
    await streams.close()
