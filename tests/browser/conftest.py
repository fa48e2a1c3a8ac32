"""A site of another origin than the edge, whose page plays what it is given."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, installed

PAGE = Path(__file__).with_name("player.html")


@dataclass
class Site:
    """The page and its player; `told` gets what the page tells."""

    hls_js: Path
    url: str = ""
    told: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one response."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        content, kind = b"", "text/html"
        if head.startswith("post /told"):
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            self.told.put_nowait(await reader.readexactly(length))
        elif head.startswith("get /hls.js"):
            content, kind = self.hls_js.read_bytes(), "text/javascript"
        elif head.startswith("get /?"):
            content = PAGE.read_bytes()
        headers = f"content-type: {kind}\r\ncontent-length: {len(content)}\r\nconnection: close"
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()


@pytest.fixture(scope="session")
def browser() -> Browser:
    return installed(os.environ)


@pytest.fixture
async def site(browser: Browser) -> AsyncIterator[Site]:
    site = Site(browser.hls_js)
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    async with server:
        site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield site
