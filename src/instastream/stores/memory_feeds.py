"""Feeds in memory, for unit and flow tests."""

import math
import time
from bisect import insort
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from instastream.ids import PostId, UserId
from instastream.limits import FEED_LENGTH, FEED_TTL_S, REBUILD_LEASE_S
from instastream.stores.feeds import FeedState


@dataclass
class MemoryFeeds:
    """Feeds in ascending lists; while one is rebuilt, `opened` has its token."""

    now_s: Callable[[], float] = time.monotonic
    ttl_s: float = FEED_TTL_S
    lease_s: float = REBUILD_LEASE_S
    lists: dict[UserId, list[PostId]] = field(default_factory=dict)
    ends_s: dict[UserId, float] = field(default_factory=dict)
    opened: dict[UserId, str] = field(default_factory=dict)

    async def push(self, post_id: PostId, readers: list[UserId]) -> None:
        for reader in readers:
            feed = self._feed(reader)
            if feed is not None and post_id not in feed:
                insort(feed, post_id)
                del feed[:-FEED_LENGTH]

    async def insert(self, reader: UserId, post_ids: list[PostId]) -> None:
        for post_id in post_ids:
            await self.push(post_id, [reader])

    async def remove(self, reader: UserId, post_ids: list[PostId]) -> None:
        listed = self.lists.get(reader, [])
        kept = [post_id for post_id in listed if post_id not in post_ids]
        if len(kept) < len(listed) == FEED_LENGTH:
            del self.lists[reader]
            self.opened.pop(reader, None)
        else:
            listed[:] = kept

    async def read(self, reader: UserId) -> list[PostId] | None:
        feed = self._feed(reader)
        if feed is None or reader in self.opened:
            return None
        self.ends_s[reader] = self.now_s() + self.ttl_s
        return feed[::-1]

    async def peek(self, reader: UserId) -> FeedState | None:
        feed = self._feed(reader)
        return None if feed is None else FeedState(feed[::-1], reader in self.opened)

    async def readers(self) -> AsyncIterator[UserId]:
        for reader in list(self.lists):
            if self._feed(reader) is not None:
                yield reader

    async def open(self, reader: UserId, token: str, *, anew: bool = False) -> bool:
        if not self._is_rebuilt(reader, token):
            if self._feed(reader) is not None and not anew:
                return False
            self.lists[reader] = []
            self.opened[reader] = token
        self.ends_s[reader] = self.now_s() + self.lease_s
        return True

    async def hold(self, reader: UserId, token: str) -> bool:
        if not self._is_rebuilt(reader, token):
            return False
        self.ends_s[reader] = self.now_s() + self.lease_s
        return True

    async def fill(self, reader: UserId, token: str, post_ids: list[PostId]) -> bool:
        if not self._is_rebuilt(reader, token):
            return False
        await self.insert(reader, post_ids)
        del self.opened[reader]
        self.ends_s[reader] = self.now_s() + self.ttl_s
        return True

    def _is_rebuilt(self, reader: UserId, token: str) -> bool:
        return self._feed(reader) is not None and self.opened.get(reader) == token

    def _feed(self, reader: UserId) -> list[PostId] | None:
        """The list, unless its time is over."""
        if reader in self.lists and self.now_s() >= self.ends_s.get(reader, math.inf):
            del self.lists[reader]
            self.opened.pop(reader, None)
        return self.lists.get(reader)
