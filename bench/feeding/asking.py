"""Asks over HTTP/1.1 as fast as one core can: closed loop, or open loop at a rate.

Each connection is an asyncio Protocol on uvloop that looks for nothing in an answer but its
length: about 10 µs an answer, several times less than what serves it.
"""

import asyncio
import time
from collections.abc import Sequence

import uvloop
from msgspec import Struct

LENGTH = b"content-length: "


class Answers(Struct, frozen=True):
    """What came of some requests."""

    count: int
    took_s: float
    size_bytes: int  # of the last body
    ms: list[float]  # of each, ascending; in open loop from when it was to be sent

    def percentile(self, percent: float) -> float:
        """Milliseconds."""
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * percent / 100))]


class Asker(asyncio.Protocol):
    """One connection; answers are counted by their length and must be 200."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._done: asyncio.Future[None] | None = None
        self.size_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._buffer += data
            head, end, body = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200"), bytes(head)
            self.size_bytes = int(head.partition(LENGTH)[2].partition(b"\r\n")[0])
            self._left = self.size_bytes - len(body)
            self._buffer.clear()
        else:
            self._left -= len(data)
        if not self._left and self._done:
            self._done.set_result(None)

    async def ask(self, request: bytes) -> None:
        """Send one request and wait for its whole answer."""
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)  # type: ignore[attr-defined]
        await self._done


def get(path: str, token: str = "") -> bytes:
    """A request as browsers send it, but for what they say of themselves."""
    signed_in = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: api\r\n{signed_in}\r\n".encode()


def closed_loop(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> Answers:
    """Every connection asks again as soon as it is answered."""
    return uvloop.run(_closed(port, requests, connections, seconds))


def open_loop(
    port: int, requests: Sequence[bytes], *, rate: float, connections: int, seconds: float
) -> Answers:
    """Requests leave at a fixed rate, whether or not those before are answered."""
    return uvloop.run(_open(port, requests, rate, connections, seconds))


async def _connected(port: int, connections: int) -> list[Asker]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Asker, "127.0.0.1", port))[1] for _ in range(connections)]


async def _closed(
    port: int, requests: Sequence[bytes], connections: int, seconds: float
) -> Answers:
    askers = await _connected(port, connections)
    ms: list[float] = []
    began = time.perf_counter()

    async def go_on(number: int, asker: Asker) -> None:
        at, sent = number, began
        while not ms or sent < began + seconds:
            sent = time.perf_counter()
            await asker.ask(requests[at % len(requests)])
            ms.append((time.perf_counter() - sent) * 1000)
            at += connections

    await asyncio.gather(*(go_on(number, asker) for number, asker in enumerate(askers)))
    return Answers(len(ms), time.perf_counter() - began, askers[0].size_bytes, sorted(ms))


async def _open(
    port: int, requests: Sequence[bytes], rate: float, connections: int, seconds: float
) -> Answers:
    askers = await _connected(port, connections)
    free: asyncio.Queue[Asker] = asyncio.Queue()
    for asker in askers:
        free.put_nowait(asker)
    ms: list[float] = []
    began = time.perf_counter()
    running: set[asyncio.Task[None]] = set()

    async def send(number: int, due: float) -> None:
        asker = await free.get()
        await asker.ask(requests[number % len(requests)])
        ms.append((time.perf_counter() - due) * 1000)
        free.put_nowait(asker)

    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        running.add(task := asyncio.create_task(send(number, due)))
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return Answers(len(ms), time.perf_counter() - began, askers[0].size_bytes, sorted(ms))
