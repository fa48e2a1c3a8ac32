"""Stores that tell what is done to them, and stand still in the middle of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from instastream.events import Event, Record
from instastream.ids import PostId
from instastream.stores.ledger import Reference
from instastream.stores.memory import MemoryBlobs, MemoryLog
from instastream.stores.memory_history import MemoryHistory
from instastream.stores.memory_ledger import MemoryLedger


class Blobs(MemoryBlobs):
    """Tells what is deleted before it is."""

    deleting: Callable[[Sequence[str]], None]

    async def delete(self, keys: Sequence[str]) -> None:
        self.deleting(keys)
        await super().delete(keys)


class Log(MemoryLog):
    """Stands at a gate before it is read, and tells what is appended."""

    gate: Any
    appending: Callable[[Event], None]

    async def append(self, event: Any) -> Any:
        await self.gate()
        self.appending(event)
        return await super().append(event)

    async def read_key(self, *args: Any, **kwargs: Any) -> AsyncIterator[Record[Event]]:
        await self.gate()
        async for record in super().read_key(*args, **kwargs):
            yield record


class History(MemoryHistory):
    """Stands at a gate before each part of it."""

    gate: Any

    async def handled(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        async for stretch in super().handled(*args, **kwargs):
            await self.gate()
            yield stretch


class TornLedger(MemoryLedger):
    """Its `refer` is two writes, as on the real server."""

    gate: Any

    async def refer(self, post_id: PostId, reference: Reference) -> None:
        self.by_post[post_id].add(reference)
        await self.gate()
        self.referred.add(reference)
