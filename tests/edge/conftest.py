"""The edge alone, before an origin that counts what it is asked and fails when told to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from infra.native import machine, processes
from infra.native.ports import free_ports
from infra.native.servers import SERVERS, Site
from instastream.client import TIMEOUT_S
from instastream.media_urls import origin_key

EDGE_KEY = bytes(range(32))
BUCKET = "instastream"
DIGEST = "0123456789abcdef" * 2
FULL = f"media/{DIGEST}/1-0/full.webp"
FRESH = "proxy_cache_valid 200 10m;"
SECRET = f"private/{DIGEST}/1-0/720p/00000.m4s"


@dataclass
class Origin:
    """An object store as its bucket policy makes it, over HTTP/1.1 without keep-alive."""

    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # type and content by path
    asked: Counter[str] = field(default_factory=Counter)
    failing: bool = False
    slow_s: float = 0.0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one response."""
        request = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = request[0].split(" ")[1]
        self.asked[path] += 1
        await asyncio.sleep(self.slow_s)
        key = path.removeprefix(f"/{BUCKET}/")
        private = key.startswith("private/")
        may = not private or f"Referer: {origin_key(EDGE_KEY)}" in request
        if self.failing:
            head, content = "500 Broken", b""
        elif key in self.objects and may:
            kind, content = self.objects[key]
            head = f'200 OK\r\nContent-Type: {kind}\r\nETag: "{len(content)}"\r\nVary: Origin'
            head += "\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nSet-Cookie: a=b"
        else:
            head, content = "403 Forbidden", b"<Error/>"
        length = f"Content-Length: {len(content)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {head}\r\n{length}\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()


@pytest.fixture
async def origin() -> AsyncIterator[tuple[Origin, str]]:
    store = Origin(
        {FULL: ("image/webp", b"pixels" * 100), SECRET: ("video/iso.segment", b"frames")}
    )
    server = await asyncio.start_server(store.answer, "127.0.0.1", 0)
    async with server:
        yield store, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def store(origin: tuple[Origin, str]) -> Origin:
    return origin[0]


@pytest.fixture
def fresh() -> str:
    """How long the edge takes for true what it has: as configured, or less in a test of that."""
    return FRESH


@pytest.fixture
async def edge(
    origin: tuple[Origin, str], tmp_path: Path, fresh: str
) -> AsyncIterator[AsyncClient]:
    """nginx with an empty cache, as the launcher runs it."""
    site = Site(
        folder=tmp_path,
        program=machine.program("edge", {}),
        cache=tmp_path,
        ports={"port": free_ports(1, ())[0]},
        s3=origin[1],
        s3_access_key="",
        s3_secret_key="",
        edge_key=EDGE_KEY,
    )
    (tmp_path / "tmp").mkdir()
    spec = SERVERS["edge"].spec(site)
    config = tmp_path / "nginx.conf"
    assert FRESH in config.read_text()
    config.write_text(config.read_text().replace(FRESH, fresh))
    running = processes.spawn(spec, tmp_path / "edge.log")
    try:
        await processes.until_ready(spec, running)
        async with AsyncClient(
            base_url=f"{spec.url}/{BUCKET}/", timeout=TIMEOUT_S, trust_env=False
        ) as http:
            yield http
    finally:
        await processes.stop(running)
