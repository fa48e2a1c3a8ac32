"""The edge serves media from its cache, and nothing else."""

import asyncio

import pytest
from httpx2 import AsyncClient

from infra.native.stack import Stack
from tests.cluster.native.conftest import BUCKET, read_edge, write_s3


async def test_the_edge_serves_media_from_its_cache_and_nothing_else(stack: Stack) -> None:
    await write_s3(stack.endpoints)
    base = f"{stack.endpoints.edge}/{BUCKET}"
    async with AsyncClient() as http:
        first, second = [await http.get(f"{base}/media/7/it") for _ in range(2)]
        assert (first.content, first.headers["content-type"]) == (b"7", "image/webp")
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert second.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert second.headers["x-content-type-options"] == "nosniff"
        assert second.headers["access-control-allow-origin"] == "*"
        assert not [name for name in second.headers if "amz" in name]
        part = await http.get(f"{base}/media/8/it", headers={"range": "bytes=0-0"})
        assert (part.status_code, part.headers["content-range"]) == (206, "bytes 0-0/1")
        for path in ("/media/none", "/uploads/7/it", "/media/", "/media", "", "/media/7/.it"):
            assert (await http.get(base + path)).status_code == 404, path
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            assert (await http.request(method, f"{base}/media/7/it")).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/media/../uploads/7/it", "/media/..%2fuploads/7/it", "/media/7/%2e%2e/%2e%2e/uploads/7/it"],
)
async def test_no_spelling_of_a_path_leads_to_an_original(stack: Stack, path: str) -> None:
    await write_s3(stack.endpoints)
    port = int(stack.endpoints.edge.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{BUCKET}{path} HTTP/1.0\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 404")
    writer.close()


async def test_what_was_cached_is_served_while_the_store_is_down(stack: Stack) -> None:
    await write_s3(stack.endpoints)
    assert await read_edge(stack.endpoints)
    stack.kill("s3")
    assert await read_edge(stack.endpoints)
    await stack.start("s3")
