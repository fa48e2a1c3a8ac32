"""A server that listens but does not work yet is not ready."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from infra.native import probes

LOADING = 14  # Kafka's COORDINATOR_LOAD_IN_PROGRESS
NOT_AVAILABLE = 15


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[int]:
    """Answers each request of a connection with the next of `answers`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def kafka(body: bytes) -> bytes:
    return struct.pack(">ii", len(body) + 4, 1) + body


def found(error: int) -> bytes:
    return kafka(struct.pack(">hi", error, 1) + b"\x00\x01h" + struct.pack(">i", 9092))


def fetched(error: int) -> bytes:
    return kafka(struct.pack(">ih", 0, error))


def cql(opcode: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBhBi", 0x84, 0, 0, opcode, len(body)) + body


@pytest.mark.parametrize(
    ("answers", "ready"),
    [
        ((found(0), fetched(0)), True),
        ((found(0), fetched(LOADING)), False),
        ((found(NOT_AVAILABLE),), False),
    ],
)
async def test_kafka_is_ready_when_offsets_can_be_read(
    answers: tuple[bytes, ...], ready: bool
) -> None:
    async with server(*answers) as port:
        assert await probes.kafka_answers(port) is ready


@pytest.mark.parametrize(
    ("answers", "ready"),
    [
        ((cql(probes.READY), cql(probes.RESULT, b"rows")), True),
        ((cql(probes.READY), cql(0, b"still starting")), False),
        ((cql(0),), False),
    ],
)
async def test_cassandra_is_ready_when_a_query_has_rows(
    answers: tuple[bytes, ...], ready: bool
) -> None:
    async with server(*answers) as port:
        assert await probes.cassandra_answers(port) is ready


async def test_redis_is_not_ready_while_it_loads() -> None:
    async with server(b"-LOADING Redis is loading the dataset in memory\r\n") as port:
        assert not await probes.redis_answers(port)
    async with server(b"+PONG\r\n") as port:
        assert await probes.redis_answers(port)


@pytest.mark.parametrize("probe", [probes.kafka_answers, probes.cassandra_answers])
async def test_a_connection_that_ends_is_no_answer(probe: Callable[[int], object]) -> None:
    async with server() as port:
        with pytest.raises((asyncio.IncompleteReadError, OSError)):
            await probe(port)  # type: ignore[misc]


async def test_what_does_not_listen_is_said_not_raised() -> None:
    async with server() as port:
        assert await probes.listens("127.0.0.1", port)
    assert not await probes.listens("127.0.0.1", port)
    assert not await probes.listens("no such host.invalid", 1)
