"""A small world that handlers work on, call by call, and may die at any of these calls."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.events import Event, Record
from instastream.handlers.engagement import ENGAGEMENT
from instastream.lag import HANDLERS
from instastream.media import Transcoded
from instastream.reclaim import reclaim
from instastream.stores.blobs import Blob
from instastream.stores.epochs import NoEpochs
from instastream.stores.memory import MemoryBlobs, MemoryLog, MemoryUsers
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_comments import MemoryComments
from instastream.stores.memory_counters import MemoryCounters
from instastream.stores.memory_counts import MemoryCounts
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_ledger import MemoryLedger
from instastream.stores.memory_posts import MemoryPosts
from instastream.stores.memory_transcodes import MemoryTranscodes
from instastream.uploads import original_key
from instastream.video.transcoder import Report
from tests.conftest import IN_MEMORY
from tests.flow.crash_story import (
    ADA,
    BOB,
    EVE,
    MEDIA_OF,
    NOW_MS,
    ORIGINALS,
    PAST,
    Work,
    rendered_key,
)
from tests.flow.interleaving import Interleaver
from tests.flow.tiny_renderer import TinyRenderer

GRACE_S = 600
CHORES = {"reclaim": reclaim}
TIMES = {"now_ms", "now_s", "at_ms", "due_ms", "ends_s", "modified_ms"}
PASSING = {*TIMES, "claims", "_marks", "mark", "current"}  # generations are condemned once or twice


class TinyTranscoder:
    """A file in, two files out."""

    async def transcode(self, original: Path, folder: Path, report: Report) -> Transcoded:
        await report(0.5)
        for name in ("master.m3u8", "segment.m4s"):
            copyfile(original, folder / name)
        return Transcoded(b"poster", 1, 1, 1, [])


class World:
    """Memory stores; handlers reach each through a gate that stops before every call."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.loop = Interleaver()
        feeds, counts = MemoryFeeds(now_s=lambda: self.now_ms / 1e3), MemoryCounts()
        self.stores: dict[str, Any] = {
            "log": MemoryLog(),
            "users": MemoryUsers(),
            "posts": MemoryPosts(),
            "graph": MemoryGraph(),
            "feeds": feeds,
            "changes": MemoryChanges(feeds, counts),
            "likes": MemoryCounters(),
            "comment_ids": MemoryCounters(for_good=True),
            "comments": MemoryComments(),
            "counts": counts,
            "blobs": MemoryBlobs(lambda: self.now_ms),
            "ledger": MemoryLedger(lambda: self.now_ms),
            "transcodes": MemoryTranscodes(),
        }
        self.deps = self._deps(self.stores)
        self._gated = self._deps({name: self.loop.gated(one) for name, one in self.stores.items()})
        self._offsets = count()

    def has(self, events: Iterable[Event]) -> None:
        """All apps have handled these, in peace."""
        self.loop.run(self._have(events))

    def record(self, event: Event) -> Record[Event]:
        """An event that nobody has handled."""
        return Record(event, 0, next(self._offsets))

    def begin(self, app: str, records: Sequence[Record[Event]]) -> int:
        """A process of an app begins with these: see `Interleaver.start`."""
        return self.loop.start(self._handle(app, records))

    def begin_chore(self, name: str) -> int:
        """A process begins with a chore, of what may go by now."""
        self.now_ms += 1000 * GRACE_S
        return self.loop.start(self._do(name))

    async def _do(self, chore: str) -> None:
        await CHORES[chore](self._gated)

    async def _handle(self, app: str, records: Sequence[Record[Event]]) -> None:
        if app in HANDLERS:
            [record] = records
            caused = await HANDLERS[app][type(record.event)](record, self._gated)
        else:
            caused = await ENGAGEMENT[records[0].event.topic](records, self._gated)
        for event in caused:
            await self._gated.log.append(event)

    async def _have(self, events: Iterable[Event]) -> None:
        for event in events:
            record = self.record(event)
            for handlers in HANDLERS.values():
                if type(event) in handlers:
                    await handlers[type(event)](record, self.deps)
            if event.topic in ENGAGEMENT:
                await ENGAGEMENT[event.topic]([record], self.deps)

    @property
    def state(self) -> dict[str, str]:
        """What the stores hold: what was told or appended again is there once."""
        told = [change for _, change in self.stores["changes"]._told]
        kept = {name: vars(store) for name, store in self.stores.items()} | {"changes": told}
        return {name: _written(one) for name, one in kept.items()}

    async def _sleep(self, seconds: float) -> None:
        await self.loop.gate()
        self.now_ms += round(1000 * seconds)

    def _deps(self, stores: Mapping[str, Any]) -> Deps:
        unused = {one.name for one in dataclasses.fields(Deps)}
        given: dict[str, Any] = {
            **dict.fromkeys(unused),
            **stores,
            "settings": replace(IN_MEMORY, media_grace_s=GRACE_S),
            "now_ms": lambda: self.now_ms,
            "epochs": NoEpochs(),
            "renderer": TinyRenderer(),
            "transcoder": TinyTranscoder(),
            "sleep": self._sleep,
            "waited": lambda error: None,
        }
        return Deps(**given)


def step_through(world: World, begin: Callable[[], int]) -> int:
    """Let someone begin, and come to the end; how many calls that takes."""
    begin()
    calls = 0
    while world.loop.waiting():
        world.loop.step(0)
        calls += 1
    return calls


@contextmanager
def begun(work: Work) -> Iterator[tuple[World, Callable[[], int]]]:
    """A world in which all that came before did, and how a worker begins its work."""
    world = World()
    objects = world.stores["blobs"].objects
    for post, media_id in MEDIA_OF.items():
        content = ORIGINALS[post]
        for key in (original_key(ADA, media_id), rendered_key(post)):
            objects[key] = content, Blob(len(content), None)
    for reader in (BOB, EVE):
        world.stores["feeds"].lists[reader] = []
    pages = patch("instastream.handlers.feeds.FANOUT_PAGE_LENGTH", work.page_length)
    lists = patch("instastream.handlers.feeds.FEED_LENGTH", work.list_length)
    with pages, lists, patch("asyncio.to_thread", _at_once):
        world.has([*PAST, *work.before])
        records = [world.record(event) for event in work.events]
        begin = partial(world.begin, work.app, records)
        try:
            yield world, partial(world.begin_chore, work.chore) if work.chore else begin
        finally:
            world.loop.close()


async def _at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    """In the same thread: nothing else goes on meanwhile."""
    return work(*arguments)


def _written(value: Any) -> str:
    """The same for what is the same, whatever came first, how often, and when."""
    if isinstance(value, Struct):
        value = {"": type(value), **msgspec.structs.asdict(value)}
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    elif dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if name not in PASSING}
        return str(sorted(f"{name}: {_written(one)}" for name, one in kept.items() if one))
    if isinstance(value, list | set | frozenset | tuple):
        return str(sorted({_written(one) for one in value}))
    return repr(value)
