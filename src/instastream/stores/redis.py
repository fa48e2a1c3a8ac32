"""Connections to Redis, one server or a cluster, and how far transcodes are."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias
from zlib import crc32

import hiredis
from redis.asyncio import BlockingConnectionPool, Connection, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisClusterException, RedisError
from redis.typing import EncodableT

from instastream.errors import Unavailable
from instastream.ids import MediaId
from instastream.settings import Settings
from instastream.stores.transcodes import TRANSCODE_TTL_S

CONNECTIONS_MAX = 64  # one server thread answers them all; who comes later waits for one
SOCKET_TIMEOUT_S = 5.0
RETRIES = 3  # a connection that a restart closed, not a server that is down
CLUSTER = "+cluster"
SCANNED_AT_ONCE = 1_000  # keys that Redis looks at between two other commands: half a millisecond
TAGS = 16  # slots that keys spread over on Redis Cluster: few, so that batches stay large

AnyRedis: TypeAlias = Redis | RedisCluster


class PackingConnection(Connection):
    """Packs commands in C, as redis-py does where it is not asynchronous: 500 keys in 0.1 ms."""

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        command, *rest = args
        packed = hiredis.pack_command((*str(command).encode().split(), *rest))  # type: ignore[arg-type]
        return [packed]


class RedisTranscodes:
    """Percent in strings `transcode:media` that expire."""

    def __init__(self, redis: AnyRedis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def record(self, media_id: MediaId, percent: float) -> None:
        with translated():
            await self._redis.set(self._key(media_id), f"{percent:.1f}", ex=TRANSCODE_TTL_S)

    async def read(self, media_ids: list[MediaId]) -> dict[MediaId, float]:
        with translated():  # one by one: on Redis Cluster their keys lie apart
            async with self._redis.pipeline(transaction=False) as pipeline:
                for media_id in media_ids:
                    pipeline.get(self._key(media_id))
                said = await pipeline.execute()
        return {
            media_id: float(percent)
            for media_id, percent in zip(media_ids, said, strict=True)
            if percent is not None
        }

    def _key(self, media_id: MediaId) -> str:
        return f"{self._prefix}transcode:{media_id}"


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[AnyRedis]:
    """A pool of connections that are made when needed.

    `redis+cluster://` and `rediss+cluster://` name any node of a cluster, which knows the others.
    """
    scheme, _, rest = settings.redis.partition("://")
    retry = Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), RETRIES)
    if scheme.endswith(CLUSTER):
        async with RedisCluster.from_url(
            f"{scheme.removesuffix(CLUSTER)}://{rest}",
            max_connections=CONNECTIONS_MAX,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT_S,
            retry=retry,
        ) as cluster:
            yield cluster
        return
    pool = BlockingConnectionPool.from_url(
        settings.redis,
        connection_class=PackingConnection,
        max_connections=CONNECTIONS_MAX,
        timeout=SOCKET_TIMEOUT_S,
        decode_responses=True,
        socket_timeout=SOCKET_TIMEOUT_S,
        retry=retry,
    )
    async with Redis.from_pool(pool) as redis:
        yield redis


def tag_of(name: str) -> int:
    """What keys of this user, post or comment share a slot by."""
    return crc32(name.encode()) % TAGS


def by_slot(names: Sequence[str], redis: AnyRedis) -> Sequence[Sequence[int]]:
    """Which of these one command may name together: on a cluster, those of one slot."""
    if not isinstance(redis, RedisCluster):
        return [range(len(names))] if names else []
    by_tag: dict[int, list[int]] = {}
    for at, name in enumerate(names):
        by_tag.setdefault(tag_of(name), []).append(at)
    return list(by_tag.values())


@contextmanager
def translated() -> Iterator[None]:
    """Every failure is Unavailable."""
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        raise Unavailable("redis", error) from error
