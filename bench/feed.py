"""Feeds as readers ask for them: against Starlette's hello world on the same core, cold and warm.

Everything is asked over HTTP of one API process on one core; what asks, and the servers behind it,
are on the others. `hello` is measured before and after, in turns with the feed.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from msgspec import Struct

from bench.command import command
from bench.feeding import asking, listening
from bench.feeding.asking import Answers, get
from bench.feeding.serving import Served, serving
from bench.feeding.world import all_of, count_all, expect_all, fill, follow_all, new_post, new_user
from bench.report import Result, report
from infra import local
from infra.provision import provision
from instastream.deps import Deps, open_deps
from instastream.ids import PostId, UserId
from instastream.limits import STREAMS_PER_USER_MAX
from instastream.settings import Settings
from instastream.stores.cassandra.session import Session, open_session
from instastream.stores.changes import Change
from instastream.stores.redis import open_redis
from instastream.stores.redis_changes import RedisChanges
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from instastream.terminal import Steps

READERS, AUTHORS, FOLLOWS, POSTS, CELEBRITIES = 60, 300, 100, 1_500, 5
LIKED_LATELY = 8  # of the posts on the first page, by each reader within the hour
CONNECTIONS = 64
ROUNDS, SECONDS = 3, 3.0
RATES = (500, 1_000, 2_000)
FOLLOWEES = (10, 100, 1_000, 7_500)
STREAMS, STREAM_POSTS = 5_000, 3
SERVED_ON = 0


class Speed(Struct, frozen=True):
    """Requests a second, and a CPU second of what serves them."""

    per_s: float
    per_cpu_s: float


def main() -> None:
    """Measure, print, write `bench/out/feed.json`."""
    command(__doc__).parse_args()
    with Steps() as steps:
        results = asyncio.run(_measure(steps))
    report("feed", results)


async def _measure(steps: Steps) -> list[Result]:
    stack = local.stack_of(os.environ, steps.report)
    keep = local.is_up(os.environ)
    local.prepare(os.environ)
    try:
        await stack.up()
        environ = local.connect(os.environ, stack)
        settings = Settings.from_env(environ)
        await provision(settings)
        async with open_deps(settings) as deps, open_session(settings) as session:
            return await _measured(deps, session, environ, steps)
    finally:
        if not keep:
            await stack.down()


async def _measured(
    deps: Deps, session: Session, environ: Mapping[str, str], steps: Steps
) -> list[Result]:
    authors, readers = await _populate(deps, session, steps)
    asks = [get("/v1/feed?limit=30", _token(reader, deps)) for reader in readers]
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(serving("api", core=SERVED_ON, environ=environ))
        hello = await stack.enter_async_context(serving("hello", core=SERVED_ON, environ=environ))
        others = set(range(os.cpu_count() or 1)) - {SERVED_ON}
        os.sched_setaffinity(0, others or {SERVED_ON})
        await asyncio.to_thread(
            asking.closed_loop, api.port, asks, connections=CONNECTIONS, seconds=SECONDS
        )
        return [
            *await _compare(api, hello, asks, steps),
            *await _latencies(api, asks, steps),
            *await _rebuilds(api, authors, deps, session, steps),
            *await _streams(api, authors[-1], deps, session, environ),
        ]


async def _populate(
    deps: Deps, session: Session, steps: Steps
) -> tuple[list[UserId], list[UserId]]:
    """Readers with full lists, whose followees' posts are all there."""
    authors = [await new_user(deps) for _ in range(AUTHORS)]
    posts = []
    for start in range(0, POSTS, 100):
        some = (new_post(authors[n % AUTHORS], deps) for n in range(start, start + 100))
        posts += await asyncio.gather(*some)
        steps.report("posts", len(posts), POSTS)
    await all_of(deps.posts.record_celebrity(author) for author in authors[:CELEBRITIES])
    readers = [await new_user(deps) for _ in range(READERS)]
    for number, reader in enumerate(readers):
        followed = {(number + n) % AUTHORS for n in range(FOLLOWS)}
        await follow_all(reader, [authors[n] for n in followed], session)
        listed = [post for n, post in enumerate(posts) if n % AUTHORS in followed]
        await fill(reader, listed, deps)
        steps.report("readers", number + 1, READERS)
    for start in range(0, POSTS, 100):
        await count_all(posts[start : start + 100], readers, deps)
        steps.report("counts", start + 100, POSTS)
    await expect_all(posts[-2 * LIKED_LATELY :], readers, deps)
    return authors, readers


def _token(reader: UserId, deps: Deps) -> str:
    return deps.signer.sign(reader, now_ms=deps.now_ms())


async def _compare(api: Served, hello: Served, asks: Sequence[bytes], steps: Steps) -> list[Result]:
    """Turn by turn, so that whatever else the machine does is done to both."""
    feeds: list[Speed] = []
    hellos: list[Speed] = []
    for number in range(ROUNDS):
        hellos.append(await _speed(hello, [get("/")]))
        feeds.append(await _speed(api, asks))
        steps.report("rounds", number + 1, ROUNDS)
    feed, bare = _mean(feeds), _mean(hellos)
    against = "Starlette hello"
    return [
        Result(
            name="vs_starlette_hello",
            value=feed.per_s,
            unit="1/s",
            ratio=feed.per_s / bare.per_s,
            against=against,
        ),
        Result(
            name="vs_starlette_hello_per_cpu_s",
            value=feed.per_cpu_s,
            unit="1/CPU s",
            ratio=feed.per_cpu_s / bare.per_cpu_s,
            against=against,
        ),
        Result(name="starlette_hello", value=bare.per_s, unit="1/s"),
        Result(name="starlette_hello_per_cpu_s", value=bare.per_cpu_s, unit="1/CPU s"),
    ]


async def _speed(served: Served, asks: Sequence[bytes]) -> Speed:
    began_s = served.cpu_s()
    answers = await asyncio.to_thread(
        asking.closed_loop, served.port, asks, connections=CONNECTIONS, seconds=SECONDS
    )
    return Speed(answers.count / answers.took_s, answers.count / (served.cpu_s() - began_s))


def _mean(speeds: Sequence[Speed]) -> Speed:
    return Speed(
        sum(one.per_s for one in speeds) / len(speeds),
        sum(one.per_cpu_s for one in speeds) / len(speeds),
    )


async def _latencies(api: Served, asks: Sequence[bytes], steps: Steps) -> list[Result]:
    results = []
    for number, rate in enumerate(RATES):
        answers: Answers = await asyncio.to_thread(
            asking.open_loop, api.port, asks, rate=rate, connections=256, seconds=SECONDS
        )
        for percent in (50, 99):
            results.append(
                Result(
                    name=f"read_p{percent}_ms_at_{rate}",
                    value=answers.percentile(percent),
                    unit="ms",
                )
            )
        steps.report("rates", number + 1, len(RATES))
    return [*results, Result(name="body_bytes", value=answers.size_bytes, unit="bytes")]


async def _rebuilds(
    api: Served, authors: Sequence[UserId], deps: Deps, session: Session, steps: Steps
) -> list[Result]:
    """The first read of someone who has no list, of those who follow ever more."""
    more = [UserId(await deps.ids.mint()) for _ in range(max(FOLLOWEES) - len(authors))]
    followees = [*authors, *more]
    results = []
    for number, count in enumerate(FOLLOWEES):
        reader = await new_user(deps)
        await follow_all(reader, followees[:count], session)
        ask = get("/v1/feed?limit=30", _token(reader, deps))
        answers = await asyncio.to_thread(
            asking.closed_loop, api.port, [ask], connections=1, seconds=0
        )
        name = "rebuild_ms" if count == max(FOLLOWEES) else f"rebuild_ms_of_{count}"
        results.append(Result(name=name, value=answers.ms[-1], unit="ms"))
        steps.report("rebuilds", number + 1, len(FOLLOWEES))
    return results


async def _streams(
    api: Served, author: UserId, deps: Deps, session: Session, environ: Mapping[str, str]
) -> list[Result]:
    """Streams held at once, and how long after a post landed each of them heard of it."""
    followers = [UserId(await deps.ids.mint()) for _ in range(-(-STREAMS // STREAMS_PER_USER_MAX))]
    await all_of(follow_all(follower, [author], session) for follower in followers)
    asks = [get("/v1/feed/stream", _token(one, deps)) for one in followers] * STREAMS_PER_USER_MAX
    before_bytes = api.rss_bytes()
    settings = Settings.from_env(environ)

    async def land() -> None:
        async with open_redis(settings) as redis:
            feeds = RedisFeeds(redis, prefix=settings.prefix)
            counts = RedisCounts(redis, prefix=settings.prefix)
            changes = RedisChanges(redis, feeds, counts, prefix=settings.prefix)
            await changes.tell(Change("landed", author, PostId(next(ids))))

    ids = iter([await deps.ids.mint() for _ in range(STREAM_POSTS)])
    delays = await asyncio.to_thread(
        listening.delays_ms, api.port, asks[:STREAMS], land, posts=STREAM_POSTS
    )
    held = len(delays) // STREAM_POSTS
    grown = api.rss_bytes() - before_bytes
    return [
        Result(name="sse_streams", value=held, unit="streams"),
        Result(name="sse_p50_ms", value=delays[len(delays) // 2], unit="ms"),
        Result(name="sse_p99_ms", value=delays[len(delays) * 99 // 100], unit="ms"),
        Result(name="sse_bytes_per_stream", value=grown / held, unit="bytes"),
    ]


if __name__ == "__main__":
    main()
