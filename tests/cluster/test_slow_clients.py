"""Whoever sends too much of a head, or too slowly, is cut off; everybody else is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from instastream.limits import REQUEST_BYTES_MAX, REQUEST_HEAD_BYTES_MAX, REQUEST_S_MAX
from tests.cluster.conftest import System

BEGIN = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "
END = b"\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(system: System) -> AsyncIterator[Connection]:
    port = int(system.environ["INSTASTREAM_API"].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What was answered before; a reset may follow."""
    got = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(REQUEST_S_MAX + 10):
            while some := await reader.read(65_536):
                got += some
    return got


@pytest.mark.parametrize("spare", [-1, 0])
async def test_a_head_within_its_limit_is_answered(system: System, spare: int) -> None:
    async with connected(system) as (reader, writer):
        writer.write(BEGIN + b"a" * (REQUEST_HEAD_BYTES_MAX - len(BEGIN + END) + spare) + END)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_an_endless_head_is_cut_off(system: System) -> None:
    async with connected(system) as (reader, writer):
        writer.write(BEGIN + b"a" * (REQUEST_HEAD_BYTES_MAX - len(BEGIN) + 1))
        assert await until_closed(reader) == b""


@pytest.mark.parametrize("endless", [b"0\r\nX-Long: ", b"2;", b"0\r\n"])
async def test_endless_trailers_and_extensions_of_chunks_are_cut_off(
    system: System, endless: bytes
) -> None:
    head = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    line = b"X: " + b"a" * 995 + b"\r\n" if endless == b"0\r\n" else b"a" * 1_000
    async with connected(system) as (reader, writer):
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + endless)
        with suppress(ConnectionError):
            for _ in range(2 * REQUEST_HEAD_BYTES_MAX // 1_000):
                writer.write(line)
                await writer.drain()
            async with asyncio.timeout(REQUEST_S_MAX / 2):
                await reader.read()


async def test_the_largest_request_may_come_in_one_piece_and_another_after_it(
    system: System,
) -> None:
    body = b"{}".ljust(REQUEST_BYTES_MAX)
    head = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    whole = head + b"Content-Length: %d" % len(body) + END + body
    async with connected(system) as (reader, writer):
        for _ in range(2):
            writer.write(whole)
            assert await reader.readline() == b"HTTP/1.1 422 Unprocessable Entity\r\n"
            await reader.readuntil(b"}]}")


async def pour(system: System) -> bytes:
    """What is answered to a body without an end, of which a little comes all the time."""
    head = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    async with connected(system) as (reader, writer):
        reading = asyncio.create_task(until_closed(reader))
        writer.write(head + b"Content-Length: 99999999999" + END)
        with suppress(ConnectionError):
            while not reading.done():
                writer.write(b" " * 10_000)
                await writer.drain()
                await asyncio.sleep(0.1)
        return await reading


async def test_half_a_request_and_one_without_an_end_are_not_waited_for(system: System) -> None:
    async def answer(half: bytes) -> bytes:
        async with connected(system) as (reader, writer):
            writer.write(half)
            return await until_closed(reader)

    body_missing = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    *answers, poured = await asyncio.gather(*map(answer, (b"", BEGIN, body_missing)), pour(system))
    assert not [one for one in answers if one.startswith(b"HTTP/1.1 2")]
    assert poured.startswith(b"HTTP/1.1 413 ")


async def test_an_idle_connection_is_kept_between_requests(system: System) -> None:
    async with connected(system) as (reader, writer):
        for wait_s in (0, REQUEST_S_MAX + 1):
            await asyncio.sleep(wait_s)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await reader.readuntil(b"ok") is not None
            await reader.readuntil(b"}")
