"""What is killed and comes back has lost nothing and repeated nothing."""

import asyncio
from contextlib import suppress

import pytest

from infra import local
from instastream.client import Client, Json, Refused
from tests.cluster.conftest import LARGE, SMALL, System, eventually, photo, post

POSTS = 8


async def ids_in_feed(reader: Client) -> list[str]:
    return [seen["id"] for seen in (await reader.feed(limit=100))["posts"]]


async def statuses(author: Client) -> list[str]:
    page = await author.call("GET", f"/v1/users/{author.user_id}/posts", params={"limit": "100"})
    return [seen["status"] for seen in page["posts"]]


async def expect_each_once(reader: Client, posts: list[str]) -> None:
    """The reader's feed comes to hold exactly these posts, newest first."""

    async def complete() -> bool:
        with suppress(Refused):  # what comes back may need another moment
            return set(posts) <= set(await ids_in_feed(reader))
        return False

    await eventually(complete, "every post visible")
    assert await ids_in_feed(reader) == sorted(posts, reverse=True)


def waits(system: System) -> int:
    """How often workers have said that they wait for a store."""
    return sum(system.log(worker).count("trying again") for worker in local.WORKERS)


@pytest.mark.parametrize(
    "worker", [pytest.param("media", marks=pytest.mark.long), "posts", "feeds"]
)
async def test_every_post_is_visible_once_after_a_worker_is_killed(
    system: System, worker: str
) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    posted = [post(author, photo(LARGE)) for _ in range(POSTS)]
    posts = [one["id"] for one in await asyncio.gather(*posted)]

    async def under_way() -> bool:
        return "ready" in await statuses(author)

    await eventually(under_way, "the first post ready")
    assert "processing" in await statuses(author), "killed too late to prove anything"
    system.kill(worker)
    await system.start(worker)
    await expect_each_once(reader, posts)


@pytest.mark.long
@pytest.mark.parametrize(
    ("worker", "jpeg"),
    [("media", LARGE), ("posts", SMALL), ("feeds", SMALL)],
    ids=["media", "posts", "feeds"],
)
async def test_every_post_is_visible_once_while_workers_come_and_go(
    system: System, worker: str, jpeg: bytes
) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    second = local.worker(worker, system.environ, called=f"{worker}-2")
    posted: list[asyncio.Task[Json]] = []
    for _ in range(2):
        posted += [asyncio.create_task(post(author, photo(jpeg))) for _ in range(POSTS)]
        await system.stack.run(second)
        await asyncio.sleep(0.2)
        await system.stack.stop(second.name)
    posts = [one["id"] for one in await asyncio.gather(*posted)]
    await expect_each_once(reader, posts)
    assert "Crashed" not in system.log(worker)


async def test_a_post_finalized_while_kafka_is_down_is_posted_once_by_a_retry(
    system: System,
) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    uploaded = await author.upload(photo(), "image/jpeg")
    system.kill("kafka")
    with pytest.raises(Refused) as refused:
        await author.finalize(uploaded.media_id, caption="")
    assert refused.value.status == 503
    await system.start("kafka")
    posts: set[str] = set()

    async def finalized() -> bool:
        with suppress(Refused):
            posts.add((await author.finalize(uploaded.media_id, caption=""))["id"])
        return bool(posts)

    await eventually(finalized, "Kafka back")
    await expect_each_once(reader, sorted(posts))


@pytest.mark.parametrize("server", ["redis", "cassandra", "s3"])
async def test_workers_wait_for_a_store_that_is_down_and_then_go_on(
    system: System, server: str
) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    posted = [post(author, photo()) for _ in range(POSTS)]
    posts = [one["id"] for one in await asyncio.gather(*posted)]
    system.kill(server)
    await asyncio.sleep(0.2)
    await system.start(server)
    await expect_each_once(reader, posts)
