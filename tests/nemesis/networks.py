"""A network between clients and one server that can be made to fail: a TCP relay."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Self

PIECE_BYTES = 65_536
CONNECT_S = 5.0
LENGTH = re.compile(rb"(?i)(\r\ncontent-length: *)(\d+)")
FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/xml\r\n"
    b"content-length: 58\r\nconnection: close\r\n\r\n"
    b"<Error><Code>InternalError</Code><Message/></Error>       "
)


@dataclass(frozen=True, kw_only=True)
class Network:
    """How bytes pass between a client and a server."""

    refuses: bool = False  # connections break, and new ones break at once
    holds: bool = False  # nothing passes and nobody is told; what was sent arrives later
    forgets: bool = False  # servers' ends are closed, and clients learn of it when all is well
    delay_s: float = 0.0  # of each piece, either way
    bytes_per_s: float = inf  # of a connection, either way
    answer_bytes_max: float = inf  # after so many bytes of answers a connection breaks
    shortens: bool = False  # HTTP: a body has half its bytes, and its head says that this is all
    fails: bool = False  # HTTP: every request is answered with 500


GOOD = Network()


class Link:
    """One client's connection, and the one that was made to the server for it."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.answered_bytes = 0
        self.is_head = False  # HTTP: what was asked last is answered without a body

    def abort(self) -> None:
        """Reset both ends."""
        self.client.transport.abort()
        self.abort_server()

    def abort_server(self) -> None:
        """Reset the server's end only."""
        if self.server:
            self.server.transport.abort()


class Relay:
    """Listens on a port of its own and passes on to a server. Use as an async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._network = GOOD
        self._open = asyncio.Event()
        self._open.set()
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.become(GOOD)
        self._abort()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def become(self, network: Network) -> None:
        """From now on bytes pass like this; what waits on the way is as the network was."""
        before, self._network = self._network, network
        (self._open.clear if network.holds else self._open.set)()
        if network.forgets:
            for link in self._links:
                link.abort_server()
        elif before.forgets or network.refuses or network.fails or before.fails:
            self._abort()

    def _abort(self) -> None:
        for link in set(self._links):
            link.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        self._links.add(link)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._serve(link, reader)
        finally:
            self._links.discard(link)
            link.abort()

    async def _serve(self, link: Link, reader: asyncio.StreamReader) -> None:
        network = self._network
        if network.refuses:
            return
        if network.fails:
            await _fail(reader, link.client)
            return
        if network.forgets:
            await asyncio.Event().wait()  # until it is aborted
        await self._open.wait()
        async with asyncio.timeout(CONNECT_S):
            answers, link.server = await asyncio.open_connection(*self._upstream)
        pumps = (
            asyncio.create_task(self._pump(link, reader, link.server, is_answer=False)),
            asyncio.create_task(self._pump(link, answers, link.client, is_answer=True)),
        )
        try:
            await asyncio.gather(*pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)

    async def _pump(
        self,
        link: Link,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        is_answer: bool,
    ) -> None:
        """Until the source ends, or breaks."""
        while piece := await self._next(source, is_answer=is_answer):
            await self._open.wait()
            network = self._network
            if network.forgets:
                continue
            await asyncio.sleep(network.delay_s + len(piece) / network.bytes_per_s)
            if not is_answer:
                link.is_head = piece.startswith(b"HEAD ")
            else:
                link.answered_bytes += len(piece)
                if link.answered_bytes > network.answer_bytes_max:
                    sink.write(piece[: max(0, len(piece) // 2)])
                    await sink.drain()
                    raise ConnectionAbortedError
                if network.shortens and not link.is_head and _is_promising(piece):
                    sink.write(_shortened(piece + await source.read(PIECE_BYTES)))
                    await sink.drain()
                    sink.close()
                    raise ConnectionAbortedError
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof() and not sink.is_closing():
            sink.write_eof()

    async def _next(self, source: asyncio.StreamReader, *, is_answer: bool) -> bytes:
        """Nothing at the end; a client whose server's end was forgotten hears of no end."""
        piece = b""
        with suppress(OSError):
            piece = await source.read(PIECE_BYTES)
        if not piece and is_answer and self._network.forgets:
            await asyncio.Event().wait()
        return piece


async def _fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hear one request out, unless it waits to be asked for its body, and fail it."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    if length and b"100-continue" not in head.lower():
        await reader.readexactly(int(length[2]))
    writer.write(FAILED)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def _is_promising(piece: bytes) -> bool:
    """Whether a successful answer begins here that has a body."""
    length = LENGTH.search(piece)
    return piece.startswith(b"HTTP/1.1 200") and length is not None and int(length[2]) > 1


def _shortened(answer: bytes) -> bytes:
    """Its head and half of its body, or less where that has not come yet."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    assert length
    half = min(int(length[2]) // 2, len(body))
    return LENGTH.sub(rb"\g<1>%d" % half, head) + separator + body[:half]
