"""Fan-out: ids into followers' lists, by the real `feeds` worker, against redis-benchmark's LPUSH.

From `MediaReady` on the topic to the last list, in the whole system with one `feeds` worker and
one Redis; redis-benchmark (Debian's redis-tools) pushes to the same Redis before and after.
"""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

from redis.asyncio import Redis

from bench.command import command
from bench.deliveries import Taken, against, costs, other
from bench.followers import add_followers, many_ids, open_feeds
from bench.processes import cpu_s
from bench.report import Result, report
from bench.rivals.pushing import RIVALS
from bench.system import worker_alone
from infra.native.stack import Stack
from instastream.deps import now_ms
from instastream.errors import Unready
from instastream.events import Fanout, MediaReady
from instastream.ids import PostId, UserId
from instastream.limits import FANOUT_PAGE_LENGTH, FEED_LENGTH
from instastream.log import KafkaLog
from instastream.settings import Settings
from instastream.stores.cassandra.graph import CassandraGraph
from instastream.stores.cassandra.session import Session, open_session
from instastream.stores.graph import FOLLOWER_BUCKETS
from instastream.stores.redis import open_redis
from instastream.stores.redis_changes import RedisChanges
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from instastream.terminal import Steps

FOLLOWERS = (1_000, 10_000, 100_000)
WARM_UP = 5_000  # followers of whom nothing is told
DELIVERIES = 500_000  # in each measurement
LISTED = 100  # ids in a list before
RIVAL_LISTS, RIVAL_BATCH = 20_000, 500
BENCHMARK_PUSHES = 500_000
BENCHMARK_LISTS = 10_000
POLL_S = 0.02
PROCESSES = ("feeds", "redis", "cassandra")


@dataclass(frozen=True, kw_only=True)
class Author:
    """Someone with followers, all of whose lists are warm, and what they are about to post."""

    user_id: UserId
    followers: Sequence[UserId]
    post_ids: Sequence[PostId]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The running system."""

    stack: Stack
    session: Session
    redis: Redis
    feeds: RedisFeeds
    log: KafkaLog
    prefix: str

    async def taken(self, deliveries: int, work: Awaitable[object], counted: str) -> Taken:
        """What it takes until so many of a command were called."""
        pids = {row.name: row.pid for row in self.stack.status() if row.name in PROCESSES}
        before = {name: cpu_s(pid) for name, pid in pids.items() if pid}
        called = await self.called(counted)
        begun_s = time.perf_counter()
        await work
        while await self.called(counted) < called + deliveries:
            await asyncio.sleep(POLL_S)
        wall_s = time.perf_counter() - begun_s
        spent = {name: cpu_s(pid) - before[name] for name, pid in pids.items() if pid}
        return Taken(deliveries=deliveries, wall_s=wall_s, cpu_s=spent)

    async def called(self, command: str) -> int:
        """How often Redis was, until now."""
        stats = await self.redis.info("commandstats")
        return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def main() -> None:
    """Measure, print, write `bench/out/fanout.json`."""
    command(__doc__).parse_args()
    program = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if program is None:
        raise Unready("redis-benchmark is not here: install redis-tools")
    with Steps() as steps:
        results = asyncio.run(_measure(program, steps))
    report("fanout", results)


async def _measure(program: str, steps: Steps) -> list[Result]:
    async with _opened(steps) as bench:
        authors = {count: await _author(count, bench, steps) for count in FOLLOWERS}
        await _fan_out(bench, await _author(WARM_UP, bench, steps))  # JVMs compile what they run
        floor = [await _benchmark(program, bench)]
        lists = [await _benchmark(program, bench, lists=True)]
        fresh = {count: await _fan_out(bench, author) for count, author in authors.items()}
        again = authors[10_000]
        replayed = await _fan_out(bench, again)
        shuffled = await _fan_out(bench, _out_of_order(again))
        one_post = await _one_post(bench, authors[100_000])
        rows_per_s = await _paging(bench.session, authors[100_000])
        floor.append(await _benchmark(program, bench))
        lists.append(await _benchmark(program, bench, lists=True))
        rivals = {f"{name}_and_trim": await _rival(bench, name) for name in RIVALS}
        entry_bytes = await _entry_bytes(bench)
    others = {"replayed": replayed, "out_of_order": shuffled, **rivals}
    return [
        *against(fresh[10_000], floor, "vs_redis_benchmark", "redis-benchmark LPUSH P=64"),
        *against(fresh[10_000], lists, "vs_redis_benchmark_lists", "the same to 10,000 lists"),
        *(one for count, taken in fresh.items() for one in costs(count, taken, fresh[1_000])),
        *(other(name, taken, fresh[10_000]) for name, taken in others.items()),
        *one_post,
        Result(name="follower_rows_per_s", value=rows_per_s, unit="1/s"),
        Result(name="bytes_per_entry", value=entry_bytes, unit="bytes"),
    ]


@asynccontextmanager
async def _opened(steps: Steps) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        servers, environ = await stack.enter_async_context(worker_alone("feeds", steps))
        settings = Settings.from_env(environ)
        redis = cast(Redis, await stack.enter_async_context(open_redis(settings)))
        yield Bench(
            stack=servers,
            session=await stack.enter_async_context(open_session(settings)),
            redis=redis,
            feeds=RedisFeeds(redis, prefix=settings.prefix),
            log=await stack.enter_async_context(KafkaLog(settings.kafka, prefix=settings.prefix)),
            prefix=settings.prefix,
        )


async def _author(count: int, bench: Bench, steps: Steps) -> Author:
    begun_ms = now_ms()
    steps.report(f"{count:,} followers", 0, 1)
    listed, posts, users = (
        many_ids(length, at_ms=begun_ms + shift_ms)
        for length, shift_ms in ((LISTED, 0), (max(1, DELIVERIES // count), 1_000), (count + 1, 0))
    )
    author, *followers = [UserId(one) for one in users]
    await add_followers(bench.session, author, followers)
    await open_feeds(bench.redis, bench.feeds, followers, [PostId(one) for one in listed])
    steps.report(f"{count:,} followers", 1, 1)
    post_ids = [PostId(one) for one in posts]
    return Author(user_id=author, followers=followers, post_ids=post_ids)


def _out_of_order(author: Author) -> Author:
    """More posts of the same author, shuffled."""
    later = many_ids(len(author.post_ids), at_ms=now_ms() + 2_000)
    post_ids = [PostId(one) for one in Random(5).sample(later, len(later))]
    return replace(author, post_ids=post_ids)


async def _fan_out(bench: Bench, author: Author) -> Taken:
    """From the events on the topic to the last list; then each list holds them, in order."""
    events = [_ready(post_id, author) for post_id in author.post_ids]
    work = asyncio.gather(*map(bench.log.append, events))
    taken = await bench.taken(len(events) * len(author.followers), work, "lpushx")
    for reader in author.followers[:: len(author.followers) // 10]:
        feed = await bench.feeds.read(reader)
        assert feed == sorted(set(feed or ()), reverse=True)
        assert set(author.post_ids) <= set(feed or ())
    return taken


async def _one_post(bench: Bench, author: Author) -> list[Result]:
    """One post of someone with 100,000 followers: pushed to all, or pulled by whoever reads."""
    pushed, pulled = (PostId(one) for one in many_ids(2, at_ms=now_ms() + 3_000))
    taken = await _fan_out(bench, replace(author, post_ids=[pushed]))
    counts = RedisCounts(bench.redis, prefix=bench.prefix)
    changes = RedisChanges(bench.redis, bench.feeds, counts, prefix=bench.prefix)
    place = (await changes.since(None))[0].place
    pushes = await bench.called("lpushx")
    begun_s = time.perf_counter()
    await bench.log.append(_ready(pulled, author, fanout="pull"))
    while pulled not in [told.post_id for _, told in (await changes.since(place))[0].changes]:
        await asyncio.sleep(POLL_S / 10)
    told_s = time.perf_counter() - begun_s
    return [
        Result(name="last_delivery_ms", value=1_000 * taken.wall_s, unit="ms"),
        Result(name="celebrity_read_ms", value=1_000 * told_s, unit="ms"),
        Result(name="celebrity_pushes", value=await bench.called("lpushx") - pushes, unit=""),
    ]


def _ready(post_id: PostId, author: Author, *, fanout: Fanout = "push") -> MediaReady:
    return MediaReady(
        media_id=str(uuid4()),  # type: ignore[arg-type]
        post_id=post_id,
        author_id=author.user_id,
        digest="",
        variants=[],
        fanout=fanout,
        at_ms=now_ms(),
    )


async def _benchmark(program: str, bench: Bench, *, lists: bool = False) -> Taken:
    """LPUSH as fast as Redis's own tool can, 64 in a pipeline, to one list or to as many as we."""
    url = urlsplit(bench.stack.endpoints.redis)
    argv = [program, "-h", str(url.hostname), "-p", str(url.port), "-q"]
    argv += ["-P", "64", "-n", str(BENCHMARK_PUSHES)]
    many = [
        "-r",
        str(BENCHMARK_LISTS),
        "LPUSH",
        "lists:__rand_int__",
        many_ids(1, at_ms=now_ms())[0],
    ]
    argv += many if lists else ["-t", "lpush"]
    run = asyncio.to_thread(subprocess.run, argv, check=True, stdout=subprocess.DEVNULL)
    taken = await bench.taken(BENCHMARK_PUSHES, run, "lpush")
    made = [key async for key in bench.redis.scan_iter("lists:*", count=BENCHMARK_LISTS)]
    await bench.redis.delete("mylist", *made)
    return taken


async def _paging(session: Session, author: Author) -> float:
    """Rows a second, one page after another, all buckets at once."""
    graph = CassandraGraph(session)

    async def bucketful(bucket: int) -> int:
        after, rows = "", 0
        while True:
            page = await graph.followers_in(
                author.user_id, bucket=bucket, after=after, limit=FANOUT_PAGE_LENGTH
            )
            rows += len(page)
            if len(page) < FANOUT_PAGE_LENGTH:
                return rows
            after = page[-1]

    begun_s = time.perf_counter()
    rows = sum(await asyncio.gather(*map(bucketful, range(FOLLOWER_BUCKETS))))
    assert rows == len(author.followers)
    return rows / (time.perf_counter() - begun_s)


async def _rival(bench: Bench, command: str) -> Taken:
    """Pushes as others make them, without reading followers or a log."""
    [post_id] = many_ids(1, at_ms=now_ms())
    keys = [f"{command}:{number}" for number in range(RIVAL_LISTS)]

    async def push() -> None:
        for start in range(0, RIVAL_LISTS, RIVAL_BATCH):
            async with bench.redis.pipeline(transaction=False) as pipeline:
                for key in keys[start : start + RIVAL_BATCH]:
                    RIVALS[command](pipeline, key, post_id)
                await pipeline.execute()

    taken = await bench.taken(RIVAL_LISTS, push(), command)
    await bench.redis.delete(*keys)
    return taken


async def _entry_bytes(bench: Bench) -> float:
    """Of a full list, all that Redis keeps for it included."""
    [reader] = many_ids(1, at_ms=now_ms() + 5_000)
    listed = [PostId(one) for one in many_ids(FEED_LENGTH, at_ms=now_ms())]
    await open_feeds(bench.redis, bench.feeds, [UserId(reader)], listed)
    await bench.feeds.read(UserId(reader))
    used = await bench.redis.memory_usage(bench.feeds.key(UserId(reader)), samples=0)
    return float(used or 0) / FEED_LENGTH


if __name__ == "__main__":
    main()
