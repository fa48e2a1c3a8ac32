"""A world of uploads, workers and reclaimers for the ledger's tests, and what must hold in it."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from instastream import media
from instastream.deps import Deps
from instastream.events import (
    Event,
    MediaFailed,
    MediaReady,
    PostDeleted,
    Record,
    UploadFinalized,
)
from instastream.handlers.ledger import LEDGER
from instastream.handlers.media import MEDIA
from instastream.ids import MediaId, PostId, UserId
from instastream.reclaim import Verdict, reclaim
from instastream.stores.blobs import Blob
from instastream.stores.ledger import Reference
from instastream.stores.memory import MemoryBlobs
from instastream.stores.memory_ledger import MemoryLedger
from instastream.uploads import original_key
from tests.conftest import IN_MEMORY
from tests.flow.interleaving import PROCESS, Interleaver
from tests.flow.tiny_renderer import TinyRenderer, variant

GRACE_S = 600
AUTHOR = UserId("1571234567890123456")
UNUSED = {*Deps.__dataclass_fields__} - {
    "settings",
    "now_ms",
    "blobs",
    "ledger",
    "renderer",
    "sleep",
}
HANDLERS = {**MEDIA, **LEDGER}


@dataclass
class TornLedger(MemoryLedger):
    """Its `refer` is two writes, as on the real server."""

    gate: Any = None
    looked_ahead_s: dict[int, int] = field(default_factory=dict)  # when each process said so

    async def look_later(self, root: str, *, due_ms: int) -> None:
        self.looked_ahead_s[PROCESS.get()] = self.now_ms() // 1000
        await super().look_later(root, due_ms=due_ms)

    async def refer(self, post_id: PostId, reference: Reference) -> None:
        self.by_post[post_id].add(reference)
        await self.gate()
        self.referred.add(reference)


@dataclass
class World:
    """The stores, the log, and every process that is at work on them."""

    now_s: int = 0
    log: list[Event] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    contents: dict[MediaId, bytes] = field(default_factory=dict)
    processes: dict[int, int | None] = field(default_factory=dict)  # the event that each handles
    undisturbed: bool = True  # no kill, and no claim that ran out

    def __post_init__(self) -> None:
        self.interleaver = Interleaver()
        self.blobs = MemoryBlobs(self._now_ms)
        self.ledger = TornLedger(self._now_ms)
        self.ledger.gate = self.interleaver.gate
        self.renderer = TinyRenderer()
        gated = self.interleaver.gated
        self.deps = Deps(
            settings=replace(IN_MEMORY, media_grace_s=GRACE_S),
            now_ms=self._now_ms,
            blobs=gated(self.blobs),
            ledger=gated(self.ledger),
            renderer=gated(self.renderer),
            sleep=self.interleaver.gate,
            **dict.fromkeys(UNUSED),  # type: ignore[arg-type]
        )

    def _now_ms(self) -> int:
        return self.now_s * 1000

    # What happens

    def finalize(self, content: bytes, *, private: bool = False) -> PostId:
        """Somebody uploads this and makes it a post."""
        number = len(self.contents)
        media_id = MediaId(str(UUID(int=number)))
        self.contents[media_id] = content
        upload = (content, Blob(len(content), None))
        self.blobs.objects[original_key(AUTHOR, media_id)] = upload
        post_id = PostId(str(10**18 + number))
        self.log.append(
            UploadFinalized(
                media_id=media_id,
                post_id=post_id,
                author_id=AUTHOR,
                content_type="image/jpeg",
                size_bytes=len(content),
                caption="",
                alt_text="",
                private=private,
                at_ms=self._now_ms(),
            )
        )
        return post_id

    def delete(self, post_id: PostId) -> None:
        self.log.append(PostDeleted(post_id=post_id, author_id=AUTHOR, at_ms=self._now_ms()))

    def deliver(self, event: int) -> int:
        """A worker gets an event, whether or not another is at work on it, or was."""
        return self._start(event, partial(self._handle, event))

    def reclaim(self) -> int:
        return self._start(None, self._reclaim)

    def dry_run(self) -> list[Verdict]:
        """What a reclaimer that only looks says."""
        said: list[Verdict] = []

        async def look() -> None:
            said.extend(await reclaim(self.deps, dry_run=True))

        self.advance(self._start(None, look), 100)
        return said

    def step(self, chosen: int) -> None:
        """One of the processes that wait makes its next store call."""
        if waiting := self.interleaver.waiting():
            self.interleaver.step(chosen % len(waiting))

    def advance(self, process: int, steps: int) -> None:
        """One of the processes goes on alone for a while, or to its end."""
        for _ in range(steps):
            if process in self.processes:
                self.interleaver.step(self.interleaver.waiting().index(process))
                self.check_what_is_live()

    def kill(self, process: int) -> None:
        """It dies, where it may; what it did not finish is delivered again."""
        if process in self.processes and self._may_die(process):
            self.undisturbed = False
            self.interleaver.kill(process)
            del self.processes[process]

    def _may_die(self, process: int) -> bool:
        """Not while it puts objects for longer than the grace, of an event that another has done.

        Such objects are found with the next look at their digest only: see docs/decisions/0013.
        """
        looked_ahead_s = self.ledger.looked_ahead_s.get(process, self.now_s)
        is_done = self.processes[process] in self.done
        return not is_done or self.now_s - looked_ahead_s < GRACE_S

    def outlast(self, process: int) -> None:
        """It stands still while all others end, the grace passes and what is due is reclaimed."""
        self.undisturbed = False
        self.handle_all(but=process)
        self.now_s += GRACE_S + 1
        self.reclaim()
        self._drain(but=process)

    def pass_time(self, seconds: int) -> None:
        self.undisturbed = False
        self.now_s += seconds

    def come_to_rest(self) -> None:
        """Every event is handled, the grace is over, and what was due is looked at."""
        self.handle_all()
        while self.ledger.to_look_at:
            self.now_s += GRACE_S + 1
            self.reclaim()
            self._drain()

    def handle_all(self, *, but: int | None = None) -> None:
        """Every event is handled, also those that this causes; all processes end but one."""
        self._drain(but=but)
        while waiting := set(self.undone()) - set(self.processes.values()):
            for event in waiting:
                self.deliver(event)
            self._drain(but=but)

    def _drain(self, *, but: int | None = None) -> None:
        """Everyone goes on to the end; the oldest gate first, so that nobody waits for ever."""
        while self.processes.keys() - {but}:
            if not self.undisturbed:
                self.now_s += 1  # so that the claim of one that was killed ends
            waiting = self.interleaver.waiting()
            self.interleaver.step(next(at for at, one in enumerate(waiting) if one != but))
            self.check_what_is_live()

    def _start(self, event: int | None, work: Callable[[], Awaitable[None]]) -> int:
        process = self.interleaver.start(self._until_it_ends(work))
        self.processes[process] = event
        return process

    async def _until_it_ends(self, work: Callable[[], Awaitable[None]]) -> None:
        await self.interleaver.gate()
        await work()
        del self.processes[PROCESS.get()]

    async def _handle(self, number: int) -> None:
        event = self.log[number]
        record = Record(event, partition=0, offset=number)
        for caused in await HANDLERS[type(event)](record, self.deps):
            await self.interleaver.gate()
            self.log.append(caused)
        await self.interleaver.gate()
        self.done.add(number)

    async def _reclaim(self) -> None:
        await reclaim(self.deps)

    def close(self) -> None:
        self.interleaver.close()

    # What is so

    def uploads(self) -> list[UploadFinalized]:
        return [event for event in self.log if isinstance(event, UploadFinalized)]

    def folders(self) -> set[str]:
        """Where what was announced lies."""
        ready = (event for event in self.log if isinstance(event, MediaReady))
        return {event.variants[0].key.rpartition("/")[0] for event in ready}

    def undone(self) -> list[int]:
        """The events that no worker has done yet."""
        return [event for event in range(len(self.log)) if event not in self.done]

    # What must hold

    def check_what_is_live(self) -> None:
        """Every object that a live post was announced with is there, with the right bytes."""
        for event in self._live(MediaReady):
            content = self.contents[event.media_id]
            for one in event.variants:
                assert one.key in self.blobs.objects, f"{event.post_id} lacks {one.key}"
                assert self.blobs.objects[one.key][0] == variant(one.name, content)
            kept = media.kept_key(event.variants[0].key.rpartition("/")[0])
            assert self.blobs.objects[kept][0] == content
        for event in self._live(UploadFinalized):
            assert self._original_is_somewhere(event), f"the original of {event.post_id} is lost"

    def check_what_is_left(self) -> None:
        """At rest nothing is left that no live post needs, and every live post was announced."""
        assert not self.ledger.to_look_at
        live = list(self._live(UploadFinalized))
        announced = {event.media_id for event in self._live(MediaReady, MediaFailed)}
        assert {event.media_id for event in live} == announced
        roots = {media.root_of_key(e.variants[0].key) for e in self._live(MediaReady)}
        failed = {original_key(e.author_id, e.media_id) for e in self._live(MediaFailed)}
        for key in self.blobs.objects:
            root = media.root_of_key(key.removeprefix("originals/"))
            assert root in roots or key in failed, f"{key} was left"
        assert failed <= set(self.blobs.objects)
        for post_id in self.ledger.deleted:
            assert self.ledger.by_post[post_id] & self.ledger.referred <= self.ledger.released
        if self.undisturbed:
            self._check_renders()

    def _check_renders(self) -> None:
        """Once, and once more for those that are private."""
        for content, times in self.renderer.renders.items():
            kinds = {e.private for e in self.uploads() if self.contents[e.media_id] == content}
            assert times <= len(kinds), f"{content!r} was rendered {times} times"

    def _uploads(self) -> list[UploadFinalized]:
        return [event for event in self.log if isinstance(event, UploadFinalized)]

    def _original_is_somewhere(self, event: UploadFinalized) -> bool:
        content = self.contents[event.media_id]
        digest = media.digest_of(content, self.deps.settings.media_key)
        root = media.root_of(digest, private=event.private)
        own = original_key(event.author_id, event.media_id)
        prefix = media.kept_key(root)
        return any(key == own or key.startswith(prefix) for key in self.blobs.objects)

    def _live(self, *kinds: type[Event]) -> Iterator[Any]:
        deleted = {event.post_id for event in self.log if isinstance(event, PostDeleted)}
        found: list[Any] = [event for event in self.log if isinstance(event, kinds)]
        yield from (event for event in found if event.post_id not in deleted)
