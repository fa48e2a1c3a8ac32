"""A world of uploads, finalizes, workers and sweeps, stepped one store call at a time."""

import dataclasses
from collections.abc import Coroutine
from itertools import count
from typing import Any
from uuid import UUID

from instastream import commands
from instastream.commands import Draft, DraftMedia
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import Event, MediaReady, PostDeleted, Record, UploadFinalized
from instastream.handlers.ledger import LEDGER
from instastream.handlers.media import MEDIA
from instastream.handlers.posts import POSTS
from instastream.ids import MediaId, UserId
from instastream.orphans import sweep_uploads
from instastream.stores.memory import MemoryBlobs, MemoryLog, MemoryUploads, MemoryUsers
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_ledger import MemoryLedger
from instastream.stores.memory_posts import MemoryPosts
from instastream.stores.uploads import ABORTED, Upload
from instastream.uploads import key_of
from tests.conftest import IN_MEMORY
from tests.flow.interleaving import Interleaver
from tests.flow.tiny_renderer import TinyRenderer

AUTHOR = UserId("1571234567890123456")
TOPICS = {UploadFinalized.topic, MediaReady.topic, PostDeleted.topic}
ENDS = 200  # store calls that nobody makes more of


class Ids:
    """One id after another."""

    def __init__(self) -> None:
        self._minted = count(10**18)

    async def mint(self) -> str:
        return str(next(self._minted))


class World:
    """The stores, and who is at work on them; a clock that only tests move."""

    def __init__(self) -> None:
        self.interleaver = Interleaver()
        self.now_ms = 1_795_000_000_000
        self.blobs = MemoryBlobs(self._now_ms)
        self.uploads = MemoryUploads()
        self.posts = MemoryPosts()
        self.log = MemoryLog(partitions=1)
        self.refused: dict[int, str] = {}  # the problem that each finalize met
        self._handled: set[tuple[str, int]] = set()
        stores = {
            "blobs": self.blobs,
            "uploads": self.uploads,
            "posts": self.posts,
            "log": self.log,
            "ledger": MemoryLedger(self._now_ms),
            "users": MemoryUsers(),
            "graph": MemoryGraph(),
            "changes": MemoryChanges(MemoryFeeds()),
        }
        given = {
            "settings": IN_MEMORY,
            "now_ms": self._now_ms,
            "ids": Ids(),
            "renderer": TinyRenderer(),
            "sleep": self.interleaver.gate,
            **{name: self.interleaver.gated(store) for name, store in stores.items()},
        }
        unused = dict.fromkeys({*Deps.__dataclass_fields__} - {*given})
        self.deps = Deps(**given, **unused)  # type: ignore[arg-type]

    def _now_ms(self) -> int:
        return self.now_ms

    # What happens

    def upload(self, content: bytes = b"a", **declared: Any) -> Upload:
        """Someone declares this, and PUTs it."""
        upload = Upload(
            media_id=MediaId(str(UUID(int=len(self.uploads.uploads)))),
            user_id=AUTHOR,
            content_type="image/jpeg",
            size_bytes=len(content),
            sha256="",
            declared_ms=self.now_ms,
            **declared,
        )
        self.uploads.uploads[upload.media_id] = upload
        self.put(upload, content)
        return upload

    def put(self, upload: Upload, content: bytes = b"a") -> None:
        """Whoever has its address sends it, or sends it again."""
        self.blobs.keep(key_of(upload), content, "")

    def pass_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms

    def finalize(self, *uploads: Upload) -> int:
        """A process that makes them a post, or is told why not."""
        draft = Draft(caption="", media=[DraftMedia(one.media_id, "") for one in uploads])
        return self.start(commands.finalize(AUTHOR, draft, idempotency_key=None, deps=self.deps))

    def work(self, event: int = 0) -> int:
        """A media worker gets an UploadFinalized, whether or not one did before."""
        return self.start(self._work(event))

    def sweep(self, *, late_ms: int = 0) -> int:
        """A sweep whose clock is that much ahead."""
        ahead = dataclasses.replace(self.deps, now_ms=lambda: self.now_ms + late_ms)
        return self.start(sweep_uploads(ahead))

    def start(self, coroutine: Coroutine[Any, Any, object]) -> int:
        return self.interleaver.start(self._until_it_ends(coroutine))

    def advance(self, process: int, steps: int = ENDS) -> None:
        """It makes so many store calls, or all it has to; what is needed is there after each."""
        for _ in range(steps):
            if process not in self.interleaver.waiting():
                break
            self.interleaver.step(self.interleaver.waiting().index(process))
            self.check_what_is_needed()

    def settle(self) -> None:
        """Every event is handled, by every app."""
        while waiting := self._waiting():
            for topic, offset in waiting:
                for app in (MEDIA, POSTS, LEDGER):
                    self.advance(self.start(self._handle(app, topic, offset)))
                self._handled.add((topic, offset))

    def delete(self, upload: Upload) -> None:
        """The post that it is."""
        claim = self.uploads.uploads[upload.media_id].claim
        assert claim
        self.advance(self.start(commands.delete(AUTHOR, claim.post_id, self.deps)))

    async def _until_it_ends(self, coroutine: Coroutine[Any, Any, object]) -> None:
        await self.interleaver.gate()
        try:
            await coroutine
        except Rejected as error:
            self.refused[len(self.refused)] = error.problem

    async def _work(self, event: int) -> None:
        await self._handle(MEDIA, UploadFinalized.topic, event)

    async def _handle(self, app: Any, topic: str, offset: int) -> None:
        event = self.log.topics[topic][0][offset]
        if handler := app.get(type(event)):
            for caused in await handler(Record(event, 0, offset), self.deps):
                await self.deps.log.append(caused)

    def _waiting(self) -> list[tuple[str, int]]:
        said = [(topic, offset) for topic in TOPICS for offset in range(len(self.events(topic)))]
        return [one for one in said if one not in self._handled]

    def close(self) -> None:
        self.interleaver.close()

    # What is so

    def events(self, topic: str) -> list[Event]:
        return self.log.topics.get(topic, {}).get(0, [])

    def there(self) -> set[str]:
        """The media whose original lies under `uploads/`."""
        return {key.rpartition("/")[2] for key in self.blobs.objects if key.startswith("uploads/")}

    # What must hold

    def check_what_is_needed(self) -> None:
        """No live post waits for an original that is gone, and no finalize that may go on."""
        ready = {e.media_id for e in self.events("media") if isinstance(e, MediaReady)}
        deleted = {e.post_id for e in self.events("posts") if isinstance(e, PostDeleted)}
        for upload in self.uploads.uploads.values():
            claim = upload.claim
            if claim and claim != ABORTED and claim.post_id not in deleted:
                is_there = key_of(upload) in self.blobs.objects
                assert is_there or upload.media_id in ready or self._is_shared(upload)

    def _is_shared(self, upload: Upload) -> bool:
        """A worker has put what it became, and is about to say so."""
        return any(key.startswith("originals/") for key in self.blobs.objects)
