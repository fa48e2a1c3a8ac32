"""All that a namespace holds, as lines: the same where the same has come of the same events.

Left out are times, claims, what ends by itself, and how often a root was condemned: whoever dies
may do that once more. What was told or appended again is there once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import msgspec

from infra.provision import topics
from infra.tables import declared, schema
from instastream.deps import Deps
from instastream.reclaim import reclaim
from instastream.settings import Settings
from instastream.stores.cassandra.session import open_cluster
from instastream.stores.redis import open_redis

TABLES = declared(schema()).keys() - {
    *("render_claims", "media_spared", "media_due"),  # which end, or are looked at before
    *("worker_leases", "log_epochs", "generations", "sweeps"),  # of processes and topics
}
COLUMNS = frozenset({"current"})
TIMES = frozenset({"at_ms"})
KEYS = ("{changes}:epoch", "transcode:")  # random, or a number on a screen

Line = tuple[str, str]  # where, and what


async def state_of(settings: Settings, deps: Deps) -> set[Line]:
    """What is there once everything that may go has gone."""
    await reclaim_all(deps)
    rows = await asyncio.to_thread(lambda: set(_rows(settings)))
    return rows | {line async for line in _others(settings, deps)}


async def reclaim_all(deps: Deps) -> None:
    """Look at all that is ever to be looked at, as if its time had come, until nothing is."""
    later_ms = 2_000 * deps.settings.media_grace_s
    for times in count(1):
        ahead = partial(_ahead_ms, deps, times * later_ms)
        if not await reclaim(replace(deps, now_ms=ahead)):
            return
        await asyncio.sleep(1)  # what is spared is so by the servers' clocks


def _ahead_ms(deps: Deps, by_ms: int) -> int:
    return deps.now_ms() + by_ms


def _rows(settings: Settings) -> Iterator[Line]:
    cluster = open_cluster(settings.cassandra)
    try:
        session = cluster.connect(settings.keyspace)
        for table in sorted(TABLES):
            for row in session.execute(f"SELECT * FROM {table}"):
                kept = zip(row._fields, row, strict=True)
                yield table, _written((name, one) for name, one in kept if name not in COLUMNS)
    finally:
        cluster.shutdown()


async def _others(settings: Settings, deps: Deps) -> AsyncIterator[Line]:
    for one in await deps.blobs.list(""):
        yield "objects", f"{one.key} of {one.size_bytes} bytes"
    for topic in topics():
        async for record in deps.log.read_raw(topic):
            yield f"topic {topic}", _timeless(record.value or b"")
    async for line in _keys(settings):
        yield line


async def _keys(settings: Settings) -> AsyncIterator[Line]:
    async with open_redis(settings) as connected:
        redis: Any = connected
        async for key in redis.scan_iter(f"{settings.prefix}*"):
            own = str(key).removeprefix(settings.prefix)
            if own.startswith(KEYS):
                continue
            match await redis.type(key):
                case "list":
                    yield f"list {own}", str(sorted(set(await redis.lrange(key, 0, -1))))
                case "stream":
                    for _, entry in await redis.xrange(key):
                        yield f"stream {own}", _written(entry.items())
                case _:
                    yield f"key {own}", str(await redis.get(key))


def _timeless(value: bytes) -> str:
    said = msgspec.json.decode(value)
    return _written((name, one) for name, one in said.items() if name not in TIMES)


def _written(fields: Iterable[tuple[Any, Any]]) -> str:
    return ", ".join(sorted(f"{name}: {one}" for name, one in fields if one is not None))
