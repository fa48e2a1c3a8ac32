"""What the system stands on fails: a cache forgets, networks break, disks fill, clocks jump."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from redis.exceptions import RedisError

from instastream.stores.redis import open_redis
from tests.nemesis.networks import GOOD, Network
from tests.nemesis.target import Target
from tests.nemesis.traces import Traces

NETWORKS = {
    "cut": Network(refuses=True),
    "hang": Network(holds=True),
    "half-open": Network(forgets=True),
    "slow": Network(delay_s=0.05, bytes_per_s=200_000),
    "fail": Network(fails=True),
    "truncate": Network(answer_bytes_max=3_000),
    "shorten": Network(shortens=True),
}
FLUSHES = (1, 4)
BETWEEN_S = 0.3
CLOCKS_MS = {"ahead": 40_000, "behind": -30_000}  # within and beyond what is put up with


@asynccontextmanager
async def flush(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """FLUSHALL, several times; one that is killed comes back empty anyway."""
    async with open_redis(target.settings) as redis:
        for _ in range(random.randint(*FLUSHES)):
            with suppress(RedisError):
                await redis.flushall()
            await asyncio.sleep(BETWEEN_S)
    yield Traces()


@asynccontextmanager
async def network(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """`of` is `how server`: everyone who uses that server reaches it like this."""
    how, _, server = of.rpartition(" ")
    assert target.relays
    target.relays.become(server, NETWORKS[how])
    try:
        yield Traces()
    finally:
        target.relays.become(server, GOOD)


@asynccontextmanager
async def fill(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """A server's disk is full. Then there is room, and it is started again: it gave up."""
    disk = target.disks[of]
    disk.fill()
    try:
        yield Traces()
    finally:
        disk.free()
        target.kill(of)
        await target.start(of)


@asynccontextmanager
async def jump(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """The clocks of all processes of ours jump, and jump back."""
    assert target.clock
    target.clock.ahead_ms = CLOCKS_MS[of]
    try:
        yield Traces()
    finally:
        target.clock.ahead_ms = 0


@asynccontextmanager
async def nothing(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """No fault: what the others are to be compared with."""
    yield Traces()
