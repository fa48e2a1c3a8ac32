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
    store.slow_s = 0.2
    content = token_bytes(5_000_000)
    store.objects[SEGMENT] = ("video/iso.segment", content)
    seen = await asyncio.gather(*(edge.get(SEGMENT) for _ in range(32)))
    assert all(response.content == content for response in seen)
    assert store.asked == {f"/{BUCKET}/{SEGMENT}": 1}


@pytest.mark.parametrize("fresh", ["proxy_cache_valid 200 1s;"])
async def test_what_is_stale_is_served_while_the_origin_is_slow_or_broken(
    edge: AsyncClient, store: Origin
) -> None:
    await edge.get(FULL)
    await asyncio.sleep(2)  # nginx counts whole seconds
    store.slow_s, store.failing = 0.5, True
    begun = time.monotonic()
    # Each on a connection of its own: nginx ends a request when the update it began has ended.
    seen = [await edge.get(FULL, headers={"connection": "close"}) for _ in range(3)]
    assert time.monotonic() - begun < store.slow_s
    assert [(each.status_code, each.headers["x-cache"]) for each in seen] == [
        (200, "STALE"),
        (200, "UPDATING"),
        (200, "UPDATING"),
    ]
    await asyncio.sleep(1)  # the update has failed
    assert (await edge.get(FULL)).status_code == 200


async def test_what_fails_at_the_origin_is_asked_for_again_soon(
    edge: AsyncClient, store: Origin
) -> None:
    store.failing = True
    broken = await edge.get(FULL)
    assert (broken.status_code, broken.headers["cache-control"]) == (500, "max-age=1")
    store.failing = False
    assert (await edge.get(FULL)).status_code == 200
