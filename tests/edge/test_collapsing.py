"""The origin is asked once, however many ask, and hardly missed while it is away."""

import asyncio
from secrets import token_bytes

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


async def test_what_is_stale_is_served_while_the_origin_is_broken_or_slow(
    edge: AsyncClient, store: Origin
) -> None:
    await edge.get(FULL)
    store.failing = True
    assert (await edge.get(FULL)).status_code == 200
    broken = await edge.get(SEGMENT)
    assert (broken.status_code, broken.headers["cache-control"]) == (500, "max-age=1")
