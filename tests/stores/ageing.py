"""Time that goes by without anybody waiting, for what ends by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from instastream.stores.feeds import Feeds
from instastream.stores.redis import AnyRedis


@dataclass(frozen=True)
class Stores:
    """Two views of one backend: lists that live as long as they do, and some that soon end."""

    feeds: Feeds
    brief: Feeds
    wait: Callable[[float], Awaitable[None]]


@dataclass
class Clock:
    """Of stores in memory, which nobody has to wait for."""

    now_s: float = 0.0

    async def wait(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True)
class Ageing:
    """Of keys in Redis: what is left of their time is less."""

    redis: AnyRedis
    prefix: str

    async def wait(self, seconds: float) -> None:
        async for key in self.redis.scan_iter(f"{self.prefix}*"):
            left_ms = await self.redis.pttl(key)
            await self.redis.pexpire(key, left_ms - round(1_000 * seconds))
