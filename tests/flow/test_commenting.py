"""Whatever is said, changed and deleted, counted late and told twice: threads are as a list says.

Commands run at once, and what they append is projected again, later, in batches that overlap; at
the end also in any order into an empty store.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from instastream import commenting
from instastream.deps import Deps, memory_deps
from instastream.events import CommentEdited, MediaReady, Record, UploadFinalized, UserJoined
from instastream.handlers.engagement import record_comment, record_comments
from instastream.handlers.graph import record_joined
from instastream.handlers.posts import record_finalized, record_ready
from instastream.ids import CommentId, MediaId, PostId, UserId
from instastream.reading import comments as reading
from instastream.stores.comments import Order
from instastream.stores.memory_comments import MemoryComments
from instastream.stores.memory_rates import MemoryRates
from tests.conftest import IN_MEMORY
from tests.flow.reader import known_of
from tests.unit.api.conftest import NoRenderer

BUCKET_LENGTH = 3  # of a thread: small enough that there are several
NUMBER = st.integers(0, 99)  # of a comment, modulo how many there are
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add")),
        st.tuples(st.just("reply"), NUMBER),
        st.tuples(st.just("edit"), NUMBER),
        st.tuples(st.just("delete"), NUMBER),
        st.tuples(st.just("count"), NUMBER, NUMBER),
    ),
    max_size=40,
)


@dataclass
class Line:
    """What the list says of a comment."""

    text: str
    reply_to: CommentId | None
    deleted: bool = False


@dataclass
class World:
    """A post, the list, and how much of the log is counted."""

    deps: Deps
    post_id: PostId
    author: UserId
    lines: dict[CommentId, Line] = field(default_factory=dict)
    counted: int = 0

    async def do(self, step: tuple[Any, ...]) -> None:
        kind, numbers = step[0], step[1:]
        alive = [one for one, line in self.lines.items() if not line.deleted]
        parents = [one for one in alive if not self.lines[one].reply_to]
        match kind:
            case "add":
                await self._add(None)
            case "reply" if parents:
                await self._add(parents[numbers[0] % len(parents)])
            case "edit" if alive:
                await self._edit(alive[numbers[0] % len(alive)])
            case "delete" if self.lines:
                await self._delete([*self.lines][numbers[0] % len(self.lines)])
            case "count":
                await self.count(*numbers)

    async def _add(self, reply_to: CommentId | None) -> None:
        text = f"comment {len(self.lines)}"
        added = await commenting.add(
            self.author,
            self.post_id,
            text=text,
            reply_to=reply_to,
            idempotency_key=None,
            known=known_of(self.deps),
            deps=self.deps,
        )
        self.lines[added.comment_id] = Line(text, reply_to)

    async def _edit(self, comment_id: CommentId) -> None:
        line = self.lines[comment_id]
        line.text += "!"
        await commenting.edit(self.author, self.post_id, comment_id, text=line.text, deps=self.deps)

    async def _delete(self, comment_id: CommentId) -> None:
        self.lines[comment_id].deleted = True
        await commenting.delete(self.author, self.post_id, comment_id, self.deps)

    async def log(self) -> list[Record[Any]]:
        return [record async for record in self.deps.log.read("comments")]

    async def count(self, again: int, further: int) -> None:
        """A batch of the stream: some that it counted before, and some more."""
        begin = max(0, self.counted - again)
        batch = (await self.log())[begin : self.counted + further]
        await record_comments(batch, self.deps)
        self.counted = max(self.counted, begin + len(batch))

    def replies(self, comment_id: CommentId) -> list[CommentId]:
        return [
            one
            for one, line in self.lines.items()
            if line.reply_to == comment_id and not line.deleted
        ]

    def listed(self) -> list[CommentId]:
        """The comments that are shown: also a deleted one, for its replies."""
        return [
            one
            for one, line in self.lines.items()
            if line.reply_to is None and (not line.deleted or self.replies(one))
        ]


@asynccontextmanager
async def opened() -> AsyncIterator[World]:
    """A ready post, and nobody who is too fast."""
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        clock = count(step=10_000)
        deps = dataclasses.replace(deps, rates=MemoryRates(lambda: next(clock)))
        author, post_id = UserId(await deps.ids.mint()), PostId(await deps.ids.mint())
        media_id = MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")
        joined = UserJoined(user_id=author, username="ada", at_ms=1)
        await record_joined(Record(joined, 0, 0), deps)
        finalized = UploadFinalized(
            media_id=media_id,
            post_id=post_id,
            author_id=author,
            content_type="image/jpeg",
            size_bytes=1,
            caption="",
            alt_text="",
            at_ms=1,
        )
        await record_finalized(Record(finalized, 0, 0), deps)
        ready = MediaReady(
            media_id=media_id,
            post_id=post_id,
            author_id=author,
            digest="d",
            variants=[],
            at_ms=1,
        )
        await record_ready(Record(ready, 0, 0), deps)
        yield World(deps, post_id, author)


async def paged(world: World, order: Order, limit: int) -> list[reading.Shown]:
    """What is said about the post, page by page."""
    shown: list[reading.Shown] = []
    after: CommentId | None = None
    while True:
        page = await reading.of_post(
            world.post_id,
            world.author,
            order=order,
            after=after,
            limit=limit,
            known=known_of(world.deps).empty(),
            deps=world.deps,
        )
        shown += page.shown
        after = page.after
        if after is None:
            return shown
        assert len(page.shown) == limit


async def replied(world: World, comment_id: CommentId, limit: int) -> list[CommentId]:
    """The replies to a comment, page by page."""
    ids: list[CommentId] = []
    after: CommentId | None = None
    while True:
        page = await reading.replies(
            world.post_id,
            comment_id,
            world.author,
            after=after,
            limit=limit,
            known=known_of(world.deps).empty(),
            deps=world.deps,
        )
        ids += [one.comment.comment_id for one in page.shown]
        after = page.after
        if after is None:
            return ids


async def check(world: World, limit: int) -> None:
    """Everyone reads what the list says."""
    for order, ids in (("oldest", world.listed()), ("newest", world.listed()[::-1])):
        shown = await paged(world, order, limit)  # type: ignore[arg-type]
        assert [one.comment.comment_id for one in shown] == ids
        for one in shown:
            line = world.lines[one.comment.comment_id]
            assert one.comment.text == ("" if line.deleted else line.text)
            replies = world.replies(one.comment.comment_id)
            assert one.numbers.comments == len(replies)
            assert await replied(world, one.comment.comment_id, limit) == replies
    alive = sum(not line.deleted for line in world.lines.values())
    totals = await world.deps.counts.totals("comments", [world.post_id])
    assert not world.lines or totals[world.post_id].count == alive


async def check_in_any_order(world: World, random: Random) -> None:
    """Told in any order, and some of it twice, it leaves the same threads.

    Each event says where its comment stands: whoever projects it asks nobody.
    """
    records = await world.log()
    places = {(one.event.comment_id, one.event.thread_id, one.event.bucket) for one in records}
    assert len(places) == len(world.lines)
    told = records + random.choices(records, k=len(records) // 2) if records else []
    random.shuffle(told)
    other = dataclasses.replace(world.deps, comments=MemoryComments())
    for record in told:
        await record_comment(record, other)
    ids = [*world.lines]
    assert await other.comments.get(ids) == await world.deps.comments.get(ids)
    for thread in (world.post_id, *ids):
        both = [
            await deps.comments.thread(thread, order="oldest", after=None, limit=100)
            for deps in (world.deps, other)
        ]
        assert both[0] == both[1]


@given(steps=STEPS, limit=st.integers(1, 9), random=st.randoms())
def test_threads_are_as_a_list_of_what_was_said_says(
    steps: list[tuple[Any, ...]], limit: int, random: Random
) -> None:
    async def run() -> None:
        async with opened() as world:
            for step in steps:
                await world.do(step)
            await world.count(again=len(world.lines), further=999)
            await check(world, limit)
            await check_in_any_order(world, random)

    with patch.object(commenting, "COMMENT_BUCKET_LENGTH", BUCKET_LENGTH):
        asyncio.run(run())


@dataclass
class Epoch:
    """Which life of the topic it is."""

    number: int

    async def of(self, topic: str) -> int:
        return self.number

    async def confirm(self, topic: str) -> None:
        """It is."""


async def test_an_edit_is_seen_after_its_topic_was_made_anew() -> None:
    async with opened() as world:
        await world.do(("add",))
        [comment_id] = world.lines
        for epoch, offset in ((0, 1_000), (1, 0)):
            edit = CommentEdited(
                comment_id=comment_id, post_id=world.post_id, text=f"of epoch {epoch}", at_ms=1
            )
            deps = dataclasses.replace(world.deps, epochs=Epoch(epoch))
            await record_comment(Record(edit, 0, offset), deps)
        assert (await world.deps.comments.get([comment_id]))[comment_id].text == "of epoch 1"
