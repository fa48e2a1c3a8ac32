"""Whether a server does its work already, asked in its own protocol.

Raw bytes instead of clients: aiokafka hides the error that matters, and the others' clients
retry, log and start threads, where a server that isn't there yet is the normal case.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

CONNECT_TIMEOUT_S = 5
ONCE = AioConfig(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})

FIND_COORDINATOR, OFFSET_FETCH = 10, 9
STARTUP, READY, QUERY, RESULT = 1, 2, 7, 8


async def kafka_answers(port: int) -> bool:
    """Committed offsets can be read.

    A broker that listens may still be loading them, and a consumer would take that for none.
    """
    group = _string("instastream.ready")
    every_topic = struct.pack(">i", -1)
    async with _connected("127.0.0.1", port) as (reader, writer):
        found = await _kafka_call(reader, writer, FIND_COORDINATOR, 0, group)
        if struct.unpack_from(">h", found) != (0,):
            return False
        fetched = await _kafka_call(reader, writer, OFFSET_FETCH, 2, group + every_topic)
        return struct.unpack(">ih", fetched) == (0, 0)  # no topics, no error


async def cassandra_answers(port: int) -> bool:
    """A CQL query is answered with rows."""
    options = struct.pack(">h", 1) + _string("CQL_VERSION") + _string("3.0.0")
    query = b"SELECT release_version FROM system.local"
    one = struct.pack(">hb", 1, 0)
    async with _connected("127.0.0.1", port) as (reader, writer):
        if await _cql_call(reader, writer, STARTUP, options) != READY:
            return False
        body = struct.pack(">i", len(query)) + query + one
        return await _cql_call(reader, writer, QUERY, body) == RESULT


async def redis_answers(port: int) -> bool:
    """PING is answered."""
    return await _line("127.0.0.1", port, b"PING\r\n") == b"+PONG\r\n"


async def edge_answers(port: int) -> bool:
    """Any HTTP answer."""
    line = await _line("127.0.0.1", port, b"GET / HTTP/1.0\r\n\r\n")
    return line.startswith(b"HTTP/1.1 404")


async def s3_answers(port: int, access_key: str, secret_key: str) -> bool:
    """A signed ListBuckets is answered."""
    async with _connected("127.0.0.1", port):
        pass  # a client is dear to make: only when there is somebody to ask
    async with get_session().create_client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=ONCE,
    ) as client:
        await client.list_buckets()
    return True


async def listens(host: str, port: int) -> bool:
    """Something takes connections there."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S), _connected(host, port):
            return True
    except OSError:  # of which TimeoutError is one
        return False


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _line(host: str, port: int, request: bytes) -> bytes:
    async with _connected(host, port) as (reader, writer):
        writer.write(request)
        return await reader.readline()


async def _kafka_call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, api: int, version: int, body: bytes
) -> bytes:
    correlation = struct.pack(">i", 1)
    request = struct.pack(">hh", api, version) + correlation + _string("instastream") + body
    writer.write(struct.pack(">i", len(request)) + request)
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    response = await reader.readexactly(length)
    return response.removeprefix(correlation)


async def _cql_call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opcode: int, body: bytes
) -> int:
    """The opcode of the answer, in version 4 of the protocol."""
    writer.write(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
    _, _, _, answer, length = struct.unpack(">BBhBi", await reader.readexactly(9))
    await reader.readexactly(length)
    return int(answer)


def _string(text: str) -> bytes:
    """A short string, as Kafka and CQL both write it."""
    return struct.pack(">h", len(text)) + text.encode()
