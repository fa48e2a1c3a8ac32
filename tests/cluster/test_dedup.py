"""The same photograph twice is one set of objects, which goes with the last post that needs it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio

from instastream.client import Json
from instastream.media import RENDERING
from instastream.stores.s3 import S3Blobs, open_client
from tests.cluster.conftest import System, eventually, photo, post
from tests.cluster.test_cli import run


@pytest_asyncio.fixture
async def blobs(system: System) -> AsyncIterator[S3Blobs]:
    async with open_client(system.settings) as client:
        yield S3Blobs(client, system.settings.bucket)


async def test_the_same_photograph_is_rendered_once_and_goes_with_its_last_post(
    system: System, blobs: S3Blobs
) -> None:
    authors = [await system.join("one"), await system.join("other")]
    content = photo()
    posts = await asyncio.gather(*(post(author, content) for author in authors))

    async def images(number: int) -> Json:
        [media] = (await authors[number].post(posts[number]["id"]))["media"]
        return dict(media["images"])

    async def both_ready() -> bool:
        return bool(await images(0) and await images(1))

    await eventually(both_ready, "both posts ready")
    first = await images(0)
    assert await images(1) == first
    url = first["full"]["url"]
    root = url.removeprefix(f"{system.settings.media_url}/").rsplit("/", 2)[0]
    objects = await blobs.list(root)
    assert sorted({one.key.rsplit("/", 2)[1] for one in objects}) == [f"{RENDERING}-0"]
    assert len(objects) == 3
    kept = await blobs.list(f"originals/{root}")
    assert [one.size_bytes for one in kept] == [len(content)]
    uploads = [await blobs.list(f"uploads/{author.user_id}/") for author in authors]
    assert uploads == [[], []], "of two originals one is kept, and where no client can put"

    await authors[0].call("DELETE", f"/v1/posts/{posts[0]['id']}")
    grace_s = system.settings.media_grace_s
    await asyncio.sleep(2 * grace_s)
    done = run("reclaim", "--json", **system.environ)
    assert done.returncode == 0, done.stderr
    assert not [one for one in json.loads(done.stdout) if one["root"] == root and not one["needed"]]
    assert await blobs.list(root) == objects

    await authors[1].call("DELETE", f"/v1/posts/{posts[1]['id']}")

    async def reclaimed() -> bool:
        return not [*await blobs.list(root), *await blobs.list(f"originals/{root}")]

    await eventually(reclaimed, "the ledger worker has reclaimed it")
