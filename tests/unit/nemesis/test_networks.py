"""Networks that fail on purpose, before a server that answers what it is asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress

import pytest_asyncio

from tests.nemesis.networks import GOOD, Network, Relay

BRIEFLY_S = 0.2


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError), closing(writer):
        while line := await reader.readline():
            writer.write(line)


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP server that has one page of a hundred bytes."""
    with suppress(OSError, asyncio.IncompleteReadError), closing(writer):
        while asked := await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            await asyncio.sleep(BRIEFLY_S / 4)  # as servers do that look for the body then
            if not asked.startswith(b"HEAD"):
                writer.write(bytes(100))


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[Relay]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Relay("127.0.0.1", server.sockets[0].getsockname()[1]) as relay:
        yield relay


@pytest_asyncio.fixture
async def web() -> AsyncIterator[Relay]:
    server = await asyncio.start_server(page, "127.0.0.1", 0)
    async with server, Relay("127.0.0.1", server.sockets[0].getsockname()[1]) as relay:
        yield relay


class Caller:
    """A client of the echo."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, line: bytes = b"hello\n") -> bytes:
        self.writer.write(line)
        return await self.reader.readline()

    async def is_told_nothing(self) -> bool:
        try:
            await asyncio.wait_for(self.ask(), BRIEFLY_S)
        except TimeoutError:
            return True
        return False


Call = Callable[[Relay], Awaitable[Caller]]


@pytest_asyncio.fixture
async def call() -> AsyncIterator[Call]:
    made: list[Caller] = []

    async def call(relay: Relay) -> Caller:
        made.append(Caller(*await asyncio.open_connection("127.0.0.1", relay.port)))
        return made[-1]

    yield call
    for caller in made:
        caller.writer.transport.abort()
    await asyncio.sleep(0)


async def is_broken(caller: Caller) -> bool:
    try:
        return await caller.ask() == b""
    except OSError:
        return True


async def test_a_good_network_passes_everything_on(relay: Relay, call: Call) -> None:
    caller = await call(relay)
    assert await caller.ask(b"x" * 50_000 + b"\n") == b"x" * 50_000 + b"\n"


async def test_a_cut_network_breaks_what_is_open_and_what_is_new_until_it_is_mended(
    relay: Relay,
    call: Call,
) -> None:
    before = await call(relay)
    assert await before.ask() == b"hello\n"
    relay.become(Network(refuses=True))
    assert await is_broken(before)
    assert await is_broken(await call(relay))
    relay.become(GOOD)
    assert await (await call(relay)).ask() == b"hello\n"


async def test_what_a_hanging_network_holds_arrives_later(relay: Relay, call: Call) -> None:
    before = await call(relay)
    assert await before.ask() == b"hello\n"
    relay.become(Network(holds=True))
    assert await before.is_told_nothing()
    new = await call(relay)
    assert await new.is_told_nothing()
    relay.become(GOOD)
    assert await before.reader.readline() == b"hello\n"
    assert await new.reader.readline() == b"hello\n"


async def test_a_client_of_a_half_open_connection_learns_of_it_when_the_network_is_mended(
    relay: Relay,
    call: Call,
) -> None:
    before = await call(relay)
    assert await before.ask() == b"hello\n"
    relay.become(Network(forgets=True))
    assert await before.is_told_nothing()
    assert await (await call(relay)).is_told_nothing()
    relay.become(GOOD)
    assert await is_broken(before)


async def test_a_slow_network_is_slow_and_loses_nothing(relay: Relay, call: Call) -> None:
    caller = await call(relay)
    relay.become(Network(delay_s=2 * BRIEFLY_S))
    assert await caller.is_told_nothing()
    assert await caller.reader.readline() == b"hello\n"


async def test_every_request_fails_and_so_does_one_with_a_body(web: Relay, call: Call) -> None:
    web.become(Network(fails=True))
    for request in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\n12345",
        b"PUT / HTTP/1.1\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n",
    ):
        caller = await call(web)
        caller.writer.write(request)
        assert (await caller.reader.read()).startswith(b"HTTP/1.1 500 ")


async def test_an_answer_ends_before_its_end(web: Relay, call: Call) -> None:
    web.become(Network(answer_bytes_max=60))
    caller = await call(web)
    caller.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    answer = await caller.reader.read()
    assert b"Content-Length: 100\r\n" in answer
    assert len(answer) < 100


async def test_a_shortened_answer_says_that_it_is_whole(web: Relay, call: Call) -> None:
    web.become(Network(shortens=True))
    caller = await call(web)
    caller.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await caller.reader.readuntil(b"\r\n\r\n")
    assert b"Content-Length: 50\r\n" in head
    assert await caller.reader.read() == bytes(50)


async def test_an_answer_that_has_no_body_is_not_shortened(web: Relay, call: Call) -> None:
    web.become(Network(shortens=True))
    caller = await call(web)
    caller.writer.write(b"HEAD / HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 100\r\n" in await caller.reader.readuntil(b"\r\n\r\n")
