"""The origin is asked once, however many ask, and hardly missed while it is away."""

import asyncio
import time
from secrets import token_bytes

import pytest
from httpx2 import AsyncClient

from tests.edge.conftest import BUCKET, DIGEST, FULL, Origin

SEGMENT = f"media/{DIGEST}/1-0/720p/00000.m4s"


async def test_many_that_miss_at_once_cost_the_origin_one_request(
    edge: AsyncClient, store: Origin
) -> None:
    store.slow_s = 5.5  # nginx's own patience is 5 s: then all that wait would ask
    content = token_bytes(5_000_000)
    store.objects[SEGMENT] = ("video/iso.segment", content)
    seen = await asyncio.gather(*(edge.get(SEGMENT) for _ in range(32)))
    assert all(response.content == content for response in seen)
    assert store.asked == {f"/{BUCKET}/{SEGMENT}": 1}


@pytest.mark.parametrize("fresh", ["proxy_cache_valid 200 1s;"])
async def test_what_is_stale_is_served_while_the_origin_is_broken_or_slow(
    edge: AsyncClient, store: Origin
) -> None:
    async def seen(times: int) -> list[tuple[int, str]]:
        """Each on a connection of its own: nginx ends a request with the update it began."""
        found = [await edge.get(FULL, headers={"connection": "close"}) for _ in range(times)]
        return [(response.status_code, response.headers["x-cache"]) for response in found]

    await edge.get(FULL)
    await asyncio.sleep(2)  # nginx counts whole seconds
    store.failing = True
    assert (await seen(1))[0] == (200, "STALE")
    await asyncio.sleep(0.2)  # the update has failed
    store.slow_s = 5.0
    while await seen(1) != [(200, "STALE")]:
        await asyncio.sleep(0.1)
    begun = time.monotonic()
    assert await seen(2) == [(200, "UPDATING")] * 2
    assert time.monotonic() - begun < store.slow_s


async def test_what_fails_at_the_origin_is_asked_for_again_soon(
    edge: AsyncClient, store: Origin
) -> None:
    store.failing = True
    broken = await edge.get(FULL)
    assert (broken.status_code, broken.headers["cache-control"]) == (500, "max-age=1")
    store.failing = False
    assert (await edge.get(FULL)).status_code == 200
