"""Counting likes: from the topic to Cassandra, by the real `engagement` worker, in the system.

A backlog waits in the topic, and the worker counts it: of 100,000 posts by a Zipf distribution, and
of one post with 256 shards. Against Cassandra's COUNTER, one update a like; the batch of each like
written by itself; and a bare consumer. Then, caught up: from a like to the count that is shown.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from statistics import quantiles

from httpx2 import AsyncClient, NetworkError

from bench.command import command
from bench.followers import many_ids
from bench.liking import LIKES_PER_S, POSTS, append_all, likes_by_post, likes_of, popular
from bench.processes import cpu_s
from bench.report import Result, report
from bench.rivals.counting import CREATE, consume, count_by_counter, write_alone
from bench.system import worker_alone
from infra.native.stack import Stack
from instastream.deps import Deps, now_ms, open_deps
from instastream.events import PostLiked
from instastream.limits import LIKE_SHARDS_PULLED
from instastream.settings import Settings
from instastream.stores.cassandra.session import Session, open_session
from instastream.terminal import Steps

WORKER, TOPIC = "engagement", "engagement"
WARM_UP, ZIPF, HOT = 60_000, 240_000, 240_000  # likes
RIVAL = 10_000  # of each
HOT_PER_S = 30_000  # likes of one post
LAG_LIKES, LAG_RATE = 2_000, 100  # a second
COUNTED = f'instastream_batch_events_sum{{app="{WORKER}"}} '
POLL_S = 0.1  # each costs the worker a millisecond


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What some likes took, by the clock and of each process's CPU."""

    likes: float
    wall_s: float
    worker_s: float = 0.0
    cassandra_s: float = 0.0

    @property
    def rate(self) -> float:
        """A second, by the clock."""
        return self.likes / self.wall_s


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The running system."""

    stack: Stack
    settings: Settings
    session: Session
    deps: Deps
    http: AsyncClient
    random: Random

    def cpu_s(self, name: str) -> float:
        """Of a process that runs."""
        [pid] = [row.pid for row in self.stack.status() if row.name == name]
        return cpu_s(pid) if pid else 0.0

    async def counted(self) -> float:
        """How many events the worker has had since it started; 0 where it is only starting."""
        urls = [row.url for row in self.stack.status() if row.name == WORKER]
        try:
            lines = (await self.http.get(f"{urls[0]}/metrics")).text.splitlines()
        except (IndexError, NetworkError):
            return 0
        return next((float(line[len(COUNTED) :]) for line in lines if line.startswith(COUNTED)), 0)


def main() -> None:
    """Measure, print, write `bench/out/engagement.json`."""
    command(__doc__).parse_args()
    with Steps() as steps:
        results = asyncio.run(_measure(steps))
    report("engagement", results)


async def _measure(steps: Steps) -> list[Result]:
    async with _opened(steps) as bench:
        posts = many_ids(POSTS, at_ms=now_ms())
        hot = many_ids(1, at_ms=now_ms() + 60_000) * HOT
        await _rivals(bench, posts, RIVAL // 3)
        await _drained(bench, popular(posts, WARM_UP, bench.random), shards=1)
        before = await _rivals(bench, posts, RIVAL)
        zipf = await _drained(bench, popular(posts, ZIPF, bench.random), shards=1)
        between = await _rivals(bench, posts, RIVAL)
        hottest = await _drained(bench, hot, shards=LIKE_SHARDS_PULLED, per_s=HOT_PER_S)
        after = await _rivals(bench, posts, RIVAL)
        begun_s = time.perf_counter()
        bare = Taken(
            likes=await consume(bench.settings, TOPIC), wall_s=time.perf_counter() - begun_s
        )
        lags_ms = await _lags(bench)
    rivals = [before, between, after]
    counter, alone = (_together([some[at] for some in rivals]) for at in range(2))
    percentiles = quantiles(lags_ms, n=100)
    return [
        _result("zipf_vs_counter", zipf, counter, "Cassandra COUNTER, one update a like"),
        _result("zipf_vs_ceiling", zipf, alone, "the batch of each like by itself"),
        _result("hot_vs_counter", hottest, counter, "Cassandra COUNTER, one update a like"),
        _result("hot_vs_consume", hottest, bare, "aiokafka, which does nothing with it"),
        *_costs("zipf", zipf),
        *_costs("hot", hottest),
        Result(name="lag_p50_ms", value=percentiles[49], unit="ms"),
        Result(name="lag_p99_ms", value=percentiles[98], unit="ms"),
    ]


@asynccontextmanager
async def _opened(steps: Steps) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        servers, environ = await stack.enter_async_context(worker_alone(WORKER, steps))
        settings = Settings.from_env(environ)
        session = await stack.enter_async_context(open_session(settings))
        await session.execute(CREATE.format(settings.keyspace))
        yield Bench(
            stack=servers,
            settings=settings,
            session=session,
            deps=await stack.enter_async_context(open_deps(settings)),
            http=await stack.enter_async_context(AsyncClient(trust_env=False)),
            random=Random(6),
        )


async def _drained(
    bench: Bench, posts: Sequence[str], *, shards: int, per_s: int = LIKES_PER_S
) -> Taken:
    """From the first batch to the last, of likes that wait before the worker starts."""
    likes = likes_of(posts, shards=shards, at_ms=now_ms(), per_s=per_s)
    await bench.stack.stop(WORKER)
    await append_all(bench.settings, likes)
    starting = asyncio.create_task(bench.stack.start(WORKER))
    while not (first := await bench.counted()):
        await asyncio.sleep(POLL_S)
    begun_s, worker_s = time.perf_counter(), bench.cpu_s(WORKER)
    cassandra_s = bench.cpu_s("cassandra")
    while (last := await bench.counted()) < len(likes):
        await asyncio.sleep(POLL_S)
    taken = Taken(
        likes=last - first,
        wall_s=time.perf_counter() - begun_s,
        worker_s=bench.cpu_s(WORKER) - worker_s,
        cassandra_s=bench.cpu_s("cassandra") - cassandra_s,
    )
    await starting
    await _check(bench, likes, shards)
    return taken


async def _check(bench: Bench, likes: Sequence[PostLiked], shards: int) -> None:
    """The most popular have what these likes say, at least: others may have liked them before."""
    expected = likes_by_post(likes).most_common(100)
    totals = await bench.deps.likes.totals({post: shards for post, _ in expected})
    assert all(totals[post].count >= count for post, count in expected)


async def _rivals(bench: Bench, posts: Sequence[str], count: int) -> tuple[Taken, Taken]:
    chosen = popular(posts, count, bench.random)
    fresh = many_ids(count, at_ms=now_ms() + 86_400_000)
    return (
        await _taken(bench, count, count_by_counter(bench.session, chosen)),
        await _taken(bench, count, write_alone(bench.session, fresh)),
    )


async def _taken(bench: Bench, count: int, work: Awaitable[None]) -> Taken:
    begun_s, cassandra_s = time.perf_counter(), bench.cpu_s("cassandra")
    await work
    wall_s = time.perf_counter() - begun_s
    spent_s = bench.cpu_s("cassandra") - cassandra_s
    return Taken(likes=count, wall_s=wall_s, cassandra_s=spent_s)


def _together(some: Sequence[Taken]) -> Taken:
    return Taken(
        likes=sum(one.likes for one in some),
        wall_s=sum(one.wall_s for one in some),
        cassandra_s=sum(one.cassandra_s for one in some),
    )


async def _lags(bench: Bench) -> list[float]:
    """From the moment a like is due to be appended to its post's count on Redis, each alone."""
    posts = many_ids(LAG_LIKES, at_ms=now_ms() + 7_200_000)
    likes = likes_of(posts, shards=1, at_ms=now_ms())
    due_s: dict[str, float] = {
        like.post_id: time.perf_counter() + at / LAG_RATE for at, like in enumerate(likes)
    }
    appending = asyncio.gather(*(_append_at(due_s[like.post_id], like, bench) for like in likes))
    lags_ms: list[float] = []
    waiting = dict(due_s)
    while waiting:
        due = [post for post, at_s in waiting.items() if at_s <= time.perf_counter()]
        for post in await bench.deps.counts.totals("likes", due):
            lags_ms.append(1_000 * (time.perf_counter() - waiting.pop(post)))
        await asyncio.sleep(POLL_S / 50)
    await appending
    return lags_ms


async def _append_at(due_s: float, like: PostLiked, bench: Bench) -> None:
    await asyncio.sleep(max(0, due_s - time.perf_counter()))
    await bench.deps.log.append(like)


def _result(name: str, ours: Taken, theirs: Taken, against: str) -> Result:
    return Result(
        name=name,
        value=ours.rate,
        unit="likes/s",
        ratio=ours.rate / theirs.rate,
        against=against,
    )


def _costs(name: str, taken: Taken) -> list[Result]:
    return [
        Result(name=f"{name}_worker", value=1e6 * taken.worker_s / taken.likes, unit="CPU us/like"),
        Result(
            name=f"{name}_cassandra",
            value=1e6 * taken.cassandra_s / taken.likes,
            unit="CPU us/like",
        ),
        Result(
            name=f"{name}_per_core",
            value=taken.likes / taken.worker_s,
            unit="likes/CPU s of worker",
        ),
    ]


if __name__ == "__main__":
    main()
