"""What the edge spares the object store: requests that reach it for hot images, cold segments."""

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.command import command
from bench.report import Result, report
from infra.native import machine, processes
from infra.native.servers import SERVERS, Site
from infra.provision import create_bucket
from instastream.media_urls import media_url
from instastream.settings import S3Keys, Settings
from instastream.stores.s3 import S3Blobs, open_client

READS = 10_000
AT_ONCE = 64
IMAGE_BYTES = 150_000  # the feed variant of a photograph of 12 megapixels
SEGMENT_BYTES = 5_000_000  # six seconds of 1080p
FOLDER = f"{token_hex(16)}/1-0"
HOT, PRIVATE = f"media/{FOLDER}/feed.webp", f"private/{FOLDER}/feed.webp"
SEGMENT = f"media/{FOLDER}/1080p/00000.m4s"
CONTENTS = {HOT: IMAGE_BYTES, PRIVATE: IMAGE_BYTES, SEGMENT: SEGMENT_BYTES}
RELAY_BYTES = 1 << 16


def main() -> None:
    """Measure, print, write `bench/out/edge.json`."""
    command(__doc__).parse_args()
    report("edge", asyncio.run(_measure()))


async def _measure() -> list[Result]:
    async with _edge_and_store() as (settings, relay):
        async with open_client(settings) as client:
            blobs = S3Blobs(client, settings.bucket)
            for key, size_bytes in CONTENTS.items():
                await blobs.put(key, token_bytes(size_bytes), content_type="image/webp")
        hot = await _read(settings, HOT, READS, relay)
        signed = await _read(settings, PRIVATE, READS, relay)
        cold = await _read(settings, SEGMENT, AT_ONCE, relay)
    return [
        *_results("", hot, per="_per_10k"),
        *_results("signed_", signed, per="_per_10k"),
        *_results("cold_segment_", cold),
    ]


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Reads of one object, from cold, `AT_ONCE` at a time."""

    origin_requests: int
    reads: int
    read_bytes: int
    took_s: float
    ms: list[float]  # of each read, ascending


def _results(prefix: str, seen: Reads, *, per: str = "") -> list[Result]:
    return [
        Result(name=f"{prefix}origin_requests{per}", value=seen.origin_requests, unit="requests"),
        Result(name=f"{prefix}reads_per_s", value=seen.reads / seen.took_s, unit="1/s"),
        Result(name=f"{prefix}read_bytes", value=seen.read_bytes, unit="bytes"),
        Result(name=f"{prefix}read_p50_ms", value=seen.ms[seen.reads // 2], unit="ms"),
        Result(name=f"{prefix}read_p99_ms", value=seen.ms[seen.reads * 99 // 100], unit="ms"),
    ]


async def _read(settings: Settings, key: str, reads: int, relay: "Relay") -> Reads:
    """`reads` GETs over `AT_ONCE` connections, each checked to be whole."""
    asked = relay.requests
    url = urlsplit(media_url(settings, key, now_s=int(time.time())))
    ms: list[float] = []

    async def reader(number: int) -> None:
        incoming, outgoing = await asyncio.open_connection(url.hostname, url.port)
        for _ in range(number, reads, AT_ONCE):
            begun = time.perf_counter()
            outgoing.write(f"GET {url.path} HTTP/1.1\r\nHost: edge\r\n\r\n".encode())
            assert await _length(incoming) == CONTENTS[key]
            await incoming.readexactly(CONTENTS[key])
            ms.append((time.perf_counter() - begun) * 1000)
        outgoing.close()

    begun = time.perf_counter()
    await asyncio.gather(*(reader(number) for number in range(AT_ONCE)))
    return Reads(
        origin_requests=relay.requests - asked,
        reads=reads,
        read_bytes=reads * CONTENTS[key],
        took_s=time.perf_counter() - begun,
        ms=sorted(ms),
    )


async def _length(incoming: StreamReader) -> int:
    """The length of a response that is a success; its body comes next."""
    head = (await incoming.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 200 "), head
    return int(head.partition("Content-Length: ")[2].partition("\r\n")[0])


@dataclass
class Relay:
    """Stands between edge and store, and counts what the edge asks."""

    port: int  # the store's
    requests: int = 0

    async def answer(self, incoming: StreamReader, outgoing: StreamWriter) -> None:
        """One request a connection."""
        head = await incoming.readuntil(b"\r\n\r\n")
        self.requests += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n")
        while piece := await reader.read(RELAY_BYTES):
            outgoing.write(piece)
            await outgoing.drain()
        writer.close()
        outgoing.close()


@asynccontextmanager
async def _edge_and_store() -> AsyncIterator[tuple[Settings, Relay]]:
    """An object store, an edge with an empty cache, and what counts between them."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        store = _site("s3", home, s3="")
        s3 = await _run(stack, "s3", store)
        relay = Relay(store.port)
        server = await asyncio.start_server(relay.answer, "127.0.0.1", 0)
        await stack.enter_async_context(server)
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        edge = await _run(stack, "edge", _site("edge", home, s3=origin))
        settings = _settings(s3, edge)
        await create_bucket(settings)
        yield settings, relay


EDGE_KEY, ACCESS_KEY, SECRET_KEY = bytes(32), "bench", "bench-only-here"


def _settings(s3: str, edge: str) -> Settings:
    return Settings(
        kafka="",
        cassandra="",
        redis="",
        s3=s3,
        s3_keys=S3Keys(ACCESS_KEY, SECRET_KEY),
        edge=edge,
        token_key=bytes(32),
        media_key=bytes(32),
        edge_key=EDGE_KEY,
    )


def _site(name: str, home: Path, *, s3: str) -> Site:
    folder = home / name
    (folder / "tmp").mkdir(parents=True)
    return Site(
        folder=folder,
        program=machine.program(name, {}),
        cache=home,
        ports=SERVERS[name].free_ports(taken=()),
        s3=s3,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
        edge_key=EDGE_KEY,
    )


async def _run(stack: AsyncExitStack, name: str, site: Site) -> str:
    """Start a server until the stack unwinds; returns its URL."""
    spec = SERVERS[name].spec(site)
    running = processes.spawn(spec, site.folder / f"{name}.log")
    stack.push_async_callback(processes.stop, running)
    await processes.until_ready(spec, running)
    return spec.url


if __name__ == "__main__":
    main()
