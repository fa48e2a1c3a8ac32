"""Holds many streams of server-sent events open, and notes when each hears of a post."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import uvloop

AT_ONCE = 64
WITHIN_S = 60.0


class Listener(asyncio.Protocol):
    """One stream."""

    def __init__(self) -> None:
        self.opened = asyncio.get_running_loop().create_future()
        self.heard_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if b": hello" in data and not self.opened.done():
            self.opened.set_result(None)
        if b"event: post" in data:
            self.heard_s.append(time.perf_counter())


def delays_ms(
    port: int, requests: Sequence[bytes], land: Callable[[], Awaitable[None]], *, posts: int
) -> list[float]:
    """How long after `land` began each stream heard of it, ascending, of all posts."""
    return uvloop.run(_delays_ms(port, requests, land, posts))


async def _delays_ms(
    port: int, requests: Sequence[bytes], land: Callable[[], Awaitable[None]], posts: int
) -> list[float]:
    turn = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def listen(request: bytes) -> Listener:
        async with turn:
            transport, listener = await loop.create_connection(Listener, "127.0.0.1", port)
            transport.write(request)
            await asyncio.wait_for(listener.opened, WITHIN_S)
            return listener

    listeners = await asyncio.gather(*map(listen, requests))
    delays: list[float] = []
    for number in range(posts):
        began_s = time.perf_counter()
        await land()
        async with asyncio.timeout(WITHIN_S):
            while any(len(one.heard_s) <= number for one in listeners):
                await asyncio.sleep(0.05)
        delays += [(one.heard_s[number] - began_s) * 1000 for one in listeners]
    return sorted(delays)
