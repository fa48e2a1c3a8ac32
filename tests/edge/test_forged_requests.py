"""Whatever is asked of the edge, it asks the store for media and nobody else for anything."""

import asyncio
import re
from urllib.parse import urlsplit

from httpx2 import AsyncClient

from tests.edge.conftest import BUCKET, FULL, Origin
from tests.edge.test_signed_urls import link

MEDIA = rf"/{BUCKET}/media(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+"


async def answered(edge: AsyncClient, line: str, *headers: str) -> str:
    """The status line of what is answered to a request as it stands."""
    at = urlsplit(str(edge.base_url))
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    lines = [line, *(headers or ["Host: edge.test"]), "Connection: close", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    status = await reader.readline()
    writer.close()
    return status.decode().strip()


TARGETS = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/secret",
    "http://edge.test@127.0.0.1:{port}/",
    "//127.0.0.1:{port}/secret",
    "/instastream/media/../../secret",
    "/instastream/media/%2e%2e/%2e%2e/originals/x",
    "/instastream/media/..%2f..%2foriginals/x",
    "/instastream/media//127.0.0.1:{port}/secret",
    "/instastream/media/a?x=http://127.0.0.1:{port}/",
    "/instastream/media/a%0d%0aHost:%20127.0.0.1:{port}",
    "/instastream/media/a%00.webp",
    "/instastream/media/a%0a",
    f"/instastream/{link()}%0a",
    "/instastream@127.0.0.1:{port}/media/a",
    "/instastream/uploads/1/a",
    "/instastream/private/a",
    "/",
]


async def test_no_request_leads_anywhere_else(edge: AsyncClient, store: Origin) -> None:
    other = Origin()
    server = await asyncio.start_server(other.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for target in TARGETS:
            status = await answered(edge, f"GET {target.format(port=port)} HTTP/1.1")
            assert not status.startswith("HTTP/1.1 2"), target
    assert not other.asked, "nobody else is asked"
    assert not [path for path in store.asked if not re.fullmatch(MEDIA, path)]


async def test_the_host_that_is_asked_for_changes_nothing(edge: AsyncClient, store: Origin) -> None:
    for host in "127.0.0.1:1", "evil.example", "169.254.169.254":
        status = await answered(edge, f"GET /{BUCKET}/{FULL} HTTP/1.1", f"Host: {host}")
        assert status == "HTTP/1.1 200 OK"
    assert set(store.asked) == {f"/{BUCKET}/{FULL}"}
