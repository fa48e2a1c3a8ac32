"""Streams of new posts: whoever has a feed open hears of each as it lands.

One task reads the changes for all streams of a process. An author's streams are found by an index
of who follows whom, which is kept up by the same changes.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from instastream.deps import Deps
from instastream.errors import Rejected, Unavailable
from instastream.ids import PostId, UserId
from instastream.limits import (
    LANDED_KEPT,
    STREAM_QUEUE_LENGTH,
    STREAMS_MAX,
    STREAMS_PER_USER_MAX,
)
from instastream.reading.known import Known
from instastream.stores.changes import Change, Heard, Place

WAIT_S = 3.0  # for a change; shorter than a connection's timeout
AWAY_S = 1.0  # between attempts while Redis is away
AGAIN_S = 5  # until a stream that broke is noticed, most of the time

log = logging.getLogger(__name__)


class Stream:
    """What waits for one reader; `closed` once it ended, because it is over or was too slow."""

    def __init__(self, reader: UserId) -> None:
        self.reader = reader
        self.closed = False
        self.authors: frozenset[UserId] = frozenset()
        self.place: Place | None = None  # what lands after it is told; None before it begins
        self.on_drop: Callable[[], None] = self.close
        self._waiting: list[tuple[str, PostId]] = []
        self._news = asyncio.Event()

    def put(self, entry: str, post_id: PostId) -> None:
        """A post landed; a reader who takes nothing for too long is dropped."""
        if len(self._waiting) >= STREAM_QUEUE_LENGTH:
            self.close()
            self.on_drop()
        else:
            self._waiting.append((entry, post_id))
            self._news.set()

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._news.set()

    async def take(self, *, timeout_s: float) -> list[tuple[str, PostId]]:
        """What has landed since the last time, each with its entry; [] after that time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return []
        self._news.clear()
        taken, self._waiting = self._waiting, []
        return taken


class Streams:
    """All streams of one process."""

    def __init__(self, known: Known, deps: Deps) -> None:
        self._known = known
        self._deps = deps
        self._by_reader: dict[UserId, set[Stream]] = {}
        self._by_author: dict[UserId, set[Stream]] = {}
        self._landed: OrderedDict[PostId, None] = OrderedDict()
        self._place: Place | None = None
        self._tail: asyncio.Task[None] | None = None
        self._ended = False
        self._count = 0

    def open_now(self) -> int:
        """How many are open."""
        return self._count

    async def open(self, reader: UserId) -> tuple[Stream, Place]:
        """A stream of what lands after a place; raises Rejected where there are too many."""
        if len(self._by_reader.get(reader, ())) >= STREAMS_PER_USER_MAX:
            raise Rejected(
                "too-many-streams", f"you have {STREAMS_PER_USER_MAX} open", retry_after_s=AGAIN_S
            )
        if self._ended or self._count >= STREAMS_MAX:
            raise Unavailable("this process", "it has no stream left")
        stream = Stream(reader)
        self._by_reader.setdefault(reader, set()).add(stream)
        self._count += 1
        try:
            return stream, await self._begin(stream)
        except BaseException:
            self.leave(stream)
            raise

    async def _begin(self, stream: Stream) -> Place:
        """Have it told what lands from now on; returns how far that is."""
        if self._place is None:
            heard, *_ = await self._deps.changes.since(None)
            self._place = self._place or heard.place
        if self._tail is None:
            self._tail = asyncio.create_task(self._follow())
        await self._known.look()
        circle = await self._known.circle(stream.reader)
        if stream.place is None:  # or a change was heard meanwhile, and this may be of before
            self._index(stream, circle.in_feed)
        assert stream.place
        return stream.place

    def leave(self, stream: Stream) -> None:
        """Forget a stream."""
        stream.close()
        self._index(stream, frozenset())
        of_reader = self._by_reader.get(stream.reader, set())
        if stream in of_reader:
            of_reader.remove(stream)
            self._count -= 1
        if not of_reader:
            self._by_reader.pop(stream.reader, None)

    async def close(self) -> None:
        """End all streams; no other begins."""
        self._ended = True
        self._close_all()
        if self._tail:
            self._tail.cancel()
            await asyncio.wait([self._tail])

    def _close_all(self) -> None:
        for stream in [one for streams in self._by_reader.values() for one in streams]:
            stream.close()

    def _index(self, stream: Stream, authors: frozenset[UserId]) -> None:
        stream.place = stream.place or self._place
        for author in stream.authors - authors:
            self._by_author[author].discard(stream)
            if not self._by_author[author]:
                del self._by_author[author]
        for author in authors - stream.authors:
            self._by_author.setdefault(author, set()).add(stream)
        stream.authors = authors

    async def _follow(self) -> None:
        while True:
            try:
                place = self._place
                assert place
                await self._deps.changes.wait(place, timeout_s=WAIT_S)
                heard, *_ = await self._deps.changes.since(place)
                await self._apply(heard)
            except Unavailable as error:
                log.warning("streams wait: %s", error)
                await self._deps.sleep(AWAY_S)

    async def _apply(self, heard: Heard) -> None:
        """What was missed is not told: its streams end, and their readers come back."""
        if heard.lost:
            self._close_all()
        changed = {change.user_id for _, change in heard.changes if change.kind == "user"}
        if changed & self._by_reader.keys():
            await self._known.look()
        for reader in changed & self._by_reader.keys():
            circle = await self._known.circle(reader)
            for stream in self._by_reader.get(reader, ()):
                self._index(stream, circle.in_feed)
        for entry, change in heard.changes:
            if change.kind == "landed" and change.post_id and self._is_new(change.post_id):
                for stream in self._by_author.get(change.user_id, ()):
                    stream.put(entry, change.post_id)
        self._place = heard.place

    def _is_new(self, post_id: PostId) -> bool:
        """Not told twice, though it may land twice: a worker that was killed does it again."""
        is_new = post_id not in self._landed
        self._landed[post_id] = None
        if len(self._landed) > LANDED_KEPT:
            self._landed.popitem(last=False)
        return is_new


async def missed(
    entry: str, place: Place, stream: Stream, deps: Deps
) -> list[tuple[str, PostId]] | None:
    """What landed for a stream after an entry, up to a place; None where that is not known."""
    heard, *_ = await deps.changes.since(Place(place.epoch, entry))
    if heard.lost:
        return None
    return [
        (at, change.post_id)
        for at, change in heard.changes
        if _is_for(change, stream) and change.post_id and _order(at) <= _order(place.entry)
    ]


def _is_for(change: Change, stream: Stream) -> bool:
    return change.kind == "landed" and change.user_id in stream.authors


def _order(entry: str) -> tuple[int, ...]:
    return tuple(map(int, entry.split("-")))
