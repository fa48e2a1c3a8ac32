"""A world of posts, workers and all that sweeps, stepped one store call at a time."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from instastream import commands, media
from instastream.commands import Draft, DraftMedia
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import (
    Record,
    UploadFinalized,
)
from instastream.findings import Finding
from instastream.ids import MediaId, PostId
from instastream.limits import STUCK_S, UPLOAD_TTL_S
from instastream.orphans import sweep_uploads
from instastream.reclaim import reclaim
from instastream.steps import ignore
from instastream.stores.memory import MemoryUploads, MemoryUsers
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_multiparts import MemoryMultiparts
from instastream.stores.memory_posts import MemoryPosts
from instastream.stores.uploads import Upload
from instastream.sweeping.missing import find_dangling
from instastream.sweeping.objects import reconcile
from instastream.sweeping.stuck import announce_stuck
from instastream.sweeping.sweeping import sweep
from instastream.uploads import key_of
from tests.conftest import IN_MEMORY
from tests.flow.interleaving import PROCESS, Interleaver
from tests.flow.sweep_facts import APPS, GRACE_S, OVER_S, Facts, Place, root_of
from tests.flow.sweep_stores import Blobs, History, Log, TornLedger
from tests.flow.tiny_renderer import TinyRenderer
from tests.flow.upload_world import AUTHOR, Ids

CHORES = (announce_stuck, sweep_uploads, reconcile, reclaim, find_dangling)


class World(Facts):
    """The stores, and who is at work on them; a clock that only tests move."""

    def __init__(self) -> None:
        super().__init__()
        self.interleaver = Interleaver()
        self.now_ms = 1_795_000_000_000
        self.drafts: set[tuple[MediaId, ...]] = set()
        self.handling: dict[int, Place] = {}
        self.stores: dict[str, Any] = {
            "blobs": Blobs(self._now_ms),
            "uploads": MemoryUploads(self._now_ms),
            "posts": MemoryPosts(),
            "log": Log(partitions=1),
            "ledger": TornLedger(self._now_ms),
            "users": MemoryUsers(),
            "graph": MemoryGraph(),
            "changes": MemoryChanges(MemoryFeeds()),
        }
        self.log, self.blobs = self.stores["log"], self.stores["blobs"]
        history = History(self.log)
        self.blobs.deleting, self.log.appending = self.check_deletion, self.check_announcement
        for one in (self.log, history, self.stores["ledger"]):
            one.gate = self.interleaver.gate
        self.given: dict[str, Any] = {
            "settings": replace(IN_MEMORY, media_grace_s=GRACE_S),
            "now_ms": self._now_ms,
            "ids": Ids(),
            "renderer": TinyRenderer(),
            "history": history,
            "multiparts": MemoryMultiparts(self.blobs),
            "sleep": self.interleaver.gate,
            "log": self.log,
        }
        unused = dict.fromkeys({*Deps.__dataclass_fields__} - {*self.given, *self.stores})
        gated = {name: self.interleaver.gated(one) for name, one in self.stores.items()}
        self.deps = Deps(**{**gated, **self.given, **unused})

    def _now_ms(self) -> int:
        return self.now_ms

    # What happens

    def upload(self, content: bytes) -> MediaId:
        """Someone declares this, and PUTs it."""
        media_id = MediaId(str(UUID(int=len(self.contents))))
        self.contents[media_id] = content
        self.roots[media_id] = root_of(content)
        self.stores["uploads"].uploads[media_id] = Upload(
            media_id=media_id,
            user_id=AUTHOR,
            content_type="image/jpeg",
            size_bytes=len(content),
            sha256="",
            declared_ms=self.now_ms,
        )
        self.put(media_id)
        return media_id

    def put(self, media_id: MediaId) -> None:
        """While its address is good, which overwrites nothing."""
        upload = self.stores["uploads"].uploads[media_id]
        is_good = self.now_ms <= upload.declared_ms + UPLOAD_TTL_S * 1000
        if is_good and key_of(upload) not in self.blobs.objects:
            self.blobs.keep(key_of(upload), self.contents[media_id], "")

    def litter(self, content: bytes) -> None:
        """Somebody who died put this, and nothing leads there."""
        self.blobs.keep(f"{media.folder_in(root_of(content), 0)}/full.webp", content, "")

    def finalize(self, *media_ids: MediaId) -> int:
        self.drafts.add(media_ids)
        draft = Draft(caption="", media=[DraftMedia(one, "") for one in media_ids])
        return self.start(
            partial(commands.finalize, AUTHOR, draft, idempotency_key=None, deps=self.deps)
        )

    def delete(self, post_id: PostId) -> int:
        return self.start(partial(commands.delete, AUTHOR, post_id, self.deps))

    def deliver(self, place: Place) -> int:
        """A worker gets an event, whether or not another is at work on it, or was."""
        process = self.start(partial(self._handle, place))
        self.handling[process] = place
        return process

    def sweep(self, chore: int) -> int:
        """One of the chores of whoever sweeps."""
        process = self.start(partial(CHORES[chore % len(CHORES)], self.deps))
        self.sweepers[process] = self.settled()
        return process

    def sweep_all(self) -> list[Finding]:
        """The command, while nobody else does anything but what it waits for."""
        found: list[Finding] = []
        self.advance(self._begin_sweep(found, dry_run=False))
        return found

    def dry_run(self) -> list[Finding]:
        """What it would do; nothing is written."""
        found: list[Finding] = []
        before = self.written()
        self.advance(self._begin_sweep(found, dry_run=True))
        assert self.written() == before
        return found

    def _begin_sweep(self, found: list[Finding], *, dry_run: bool) -> int:
        async def work() -> None:
            async for some in sweep(self.deps, dry_run=dry_run, report=ignore):
                found.extend(some)

        process = self.start(work)
        self.sweepers[process] = self.settled()
        return process

    def start(self, work: Callable[[], Awaitable[object]]) -> int:
        return self.interleaver.start(self._until_it_ends(work))

    def processes(self) -> list[int]:
        return sorted({*self.interleaver.waiting()})

    def step(self, process: int) -> None:
        """It makes its next store call; what is needed is there after it."""
        self.interleaver.step(self.interleaver.waiting().index(process))
        self.check_what_is_live()

    def advance(self, process: int, steps: int = 10_000) -> None:
        for _ in range(steps):
            if process not in self.interleaver.waiting():
                break
            self.step(process)

    def kill(self, process: int) -> None:
        """It dies; an event that it was at is delivered again."""
        self.interleaver.kill(process)
        self.handling.pop(process, None)

    def lose(self, offset: int) -> None:
        """A worker's place moves past an upload that it never handled, for no good reason."""
        self.done.add(("media", UploadFinalized.topic, offset))

    def handle_all(self) -> None:
        """Everyone ends, and every event is handled by every app."""
        while self.processes() or self.undone():
            for place in self.undone():
                if place not in self.handling.values():
                    self.deliver(place)
            while waiting := self.interleaver.waiting():
                self.now_ms += 1_000  # so that the claim of one that was killed ends
                self.step(waiting[0])

    async def _until_it_ends(self, work: Callable[[], Awaitable[object]]) -> None:
        await self.interleaver.gate()
        with suppress(Rejected):
            await work()
        self.handling.pop(PROCESS.get(), None)

    async def _handle(self, place: Place) -> None:
        app, topic, offset = place
        event = self.log.topics[topic][0][offset]
        for caused in await APPS[app][type(event)](Record(event, 0, offset), self.deps):
            await self.log.append(caused)
        self.done.add(place)

    def come_to_rest(self) -> None:
        """Clients repeat what was cut off, every event is handled, and all graces are over."""
        self.handle_all()
        for media_ids in sorted(self.drafts):
            self.advance(self.finalize(*media_ids))
        for _ in range(6):
            self.handle_all()
            self.now_ms += (OVER_S + STUCK_S) * 1000
            self.sweep_all()

    def close(self) -> None:
        self.interleaver.close()
