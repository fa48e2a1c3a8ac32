"""Relays in a process of their own do as they are told."""

import asyncio

from tests.nemesis.networks import GOOD, Network
from tests.nemesis.relaying import Relays


async def test_the_network_before_one_server_breaks_and_is_mended() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]

    async def heard(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async with server:
        with Relays({"one": address, "other": address}) as relays:
            one, other = relays.ports["one"], relays.ports["other"]
            assert (await heard(one), await heard(other)) == (b"hello", b"hello")
            relays.become("one", Network(refuses=True))
            assert (await heard(one), await heard(other)) == (b"", b"hello")
            relays.become("one", GOOD)
            assert await heard(one) == b"hello"
