"""Whether the system does its work again, as people see it: asked until it does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import TypeVar

from httpx2 import AsyncClient, HTTPError

from instastream.client import Client, Refused
from instastream.load.scenario.media import original
from instastream.load.scenario.scenarios import Media

ASK_S = 10.0  # an upload and its finalize, on a busy machine
POLL_S = 0.05
AGAIN_S = 0.2  # after what did not work
PICTURE = Media(source="synthetic", size_bytes=5_000)

Result = TypeVar("Result")


class Probe:
    """Two users: one posts, the other follows and likes."""

    def __init__(self, http: AsyncClient, author: Client, reader: Client) -> None:
        self._http = http
        self._author = author
        self._reader = reader

    @classmethod
    async def ready(cls, http: AsyncClient) -> "Probe":
        """Of users who have just joined."""
        author, reader = [
            await Client.joined(http, f"probe_{token_hex(6)}", token_hex(16)) for _ in range(2)
        ]
        await reader.follow(author.user_id)
        await reader.feed()
        return cls(http, author, reader)

    async def pass_(self) -> None:
        """Returns when all servers answer and something new was posted, seen, liked and counted."""
        await _until(self._is_ready)
        media_id = await _until(self._upload)  # once: a user may have so many open and no more
        post_id = await _until(lambda: self._post(media_id))
        await _until(lambda: self._sees(post_id))
        await _until(lambda: self._likes(post_id))
        await _until(lambda: self._counts(post_id))

    async def _is_ready(self) -> bool:
        return (await self._http.get("/readyz")).status_code == 200

    async def _upload(self) -> str:
        content = original(time.time_ns(), PICTURE, seed=0).content
        return (await self._author.upload(content, "image/jpeg")).media_id

    async def _post(self, media_id: str) -> str:
        return str((await self._author.finalize(media_id, caption="probe"))["id"])

    async def _sees(self, post_id: str) -> bool:
        return post_id in [one["id"] for one in (await self._reader.feed())["posts"]]

    async def _likes(self, post_id: str) -> bool:
        await self._reader.like(post_id)
        return True

    async def _counts(self, post_id: str) -> bool:
        return bool((await self._author.post(post_id))["like_count"] == 1)


async def _until(ask: Callable[[], Awaitable[Result]]) -> Result:
    """What is answered at last, that is something."""
    while True:
        try:
            async with asyncio.timeout(ASK_S):
                if answered := await ask():
                    return answered
        except (Refused, HTTPError, TimeoutError):
            await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(POLL_S)
