"""Readers who read all the time, while something happens to the system."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from instastream.client import Client, Refused
from tests.cluster.conftest import eventually, photo


class Watching:
    """Someone who reads their feed all the time: it is in order, and maybe nothing goes from it.

    While Redis is away a post is seen once it is ready: not pushed yet, it may go and come back.
    """

    def __init__(self, reader: Client, *, stays: bool) -> None:
        self.reader = reader
        self.stays = stays
        self.seen: list[str] = []
        self.reads = 0

    async def read(self) -> list[str]:
        page = await self.reader.feed(limit=100)
        ids = [one["id"] for one in page["posts"]]
        assert ids == sorted(set(ids), reverse=True)
        assert not self.stays or set(self.seen) <= set(ids), "nothing that was seen is gone"
        self.seen, self.reads = ids, self.reads + 1
        return ids

    async def watch(self) -> None:
        while True:
            with suppress(Refused):  # while Redis starts a write may be refused, and a read
                await self.read()
            await asyncio.sleep(0.05)


async def finalized(author: Client) -> str:
    """One post, whatever is down for a moment."""
    uploaded = await author.upload(photo(), "image/jpeg")
    while True:
        with suppress(Refused):
            return str((await author.finalize(uploaded.media_id, caption=""))["id"])
        await asyncio.sleep(0.1)


async def whole(
    readers: Sequence[Watching], watching: Sequence[asyncio.Task[None]], expected: list[str]
) -> None:
    """Wait until everyone sees just these posts, in order; then nobody watches any more."""

    async def reached() -> bool:
        for task in watching:
            if task.done():
                task.result()
        return all(one.seen == expected for one in readers)

    try:
        await eventually(reached, "every post in every feed")
    except AssertionError:
        assert [one.seen for one in readers] == [expected] * len(readers)
        raise
    finally:
        for task in watching:
            task.cancel()
