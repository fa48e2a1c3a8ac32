"""Feeds on Redis, as lists of ids, and how far transcodes are.

A list runs from the newest id to a last entry that sorts below every id: DONE, or BUILDING
until a rebuild has ended. Ids have one length, so comparing them as strings is right, also in
Lua, whose numbers lose 64-bit ids.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from zlib import crc32

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from instastream.errors import Unavailable
from instastream.ids import MediaId, PostId, UserId
from instastream.limits import FANOUT_BATCH_LENGTH, FEED_LENGTH, FEED_SLACK
from instastream.settings import Settings
from instastream.stores.transcodes import TRANSCODE_TTL_S

DONE = "0"
BUILDING = "-"
TAGS = 16  # slots that feeds spread over on Redis Cluster: few, so that batches stay large
CONNECTIONS_MAX = 64  # one server thread answers them all; who comes later waits for one
SOCKET_TIMEOUT_S = 5.0
RETRIES = 3  # a connection that a restart closed, not a server that is down

OPEN = "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], ARGV[1]) end"

REMOVE = "for _, id in ipairs(ARGV) do redis.call('LREM', KEYS[1], 1, id) end"

# KEYS: feeds. ARGV: length to keep, slack, last entry ('' as it was), ids ascending. A list that
# ends as it should end is left as it is: of two rebuilds at once the first is enough.
INSERT = """
local function insert(feed, id)
  if redis.call('LINDEX', feed, 0) < id then return redis.call('LPUSH', feed, id) end
  for _, entry in ipairs(redis.call('LRANGE', feed, 0, -1)) do
    if entry == id then return 0 end
    if entry < id then return redis.call('LINSERT', feed, 'BEFORE', entry, id) end
  end
end
local function trim(feed, length)
  local last = redis.call('LINDEX', feed, -1)
  redis.call('LTRIM', feed, 0, length - 1)
  redis.call('RPUSH', feed, last)
end
local keep, slack, last = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
for _, feed in ipairs(KEYS) do
  local ends = redis.call('LINDEX', feed, -1)
  if ends and ends ~= last then
    for i = 4, #ARGV do
      if insert(feed, ARGV[i]) > keep + slack + 1 then trim(feed, keep) end
    end
    if last ~= '' then redis.call('LSET', feed, -1, last) end
  end
end
"""


class RedisFeeds:
    """Feeds in lists `feed:{tag}:user`."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._insert = redis.register_script(INSERT)
        self._remove = redis.register_script(REMOVE)

    async def push(self, post_id: PostId, readers: list[UserId]) -> None:
        for start in range(0, len(readers), FANOUT_BATCH_LENGTH):
            await self._merge(readers[start : start + FANOUT_BATCH_LENGTH], [post_id], last="")

    async def read(self, reader: UserId) -> list[PostId] | None:
        with _translated():
            entries = await self._redis.lrange(self._key(reader), 0, -1)
        if not entries or entries.pop() == BUILDING:
            return None
        return [PostId(str(entry)) for entry in entries[:FEED_LENGTH]]

    async def open(self, reader: UserId) -> None:
        with _translated():
            await self._redis.eval(OPEN, 1, self._key(reader), BUILDING)

    async def insert(self, reader: UserId, post_ids: list[PostId]) -> None:
        await self._merge([reader], sorted(post_ids), last="")

    async def remove(self, reader: UserId, post_ids: list[PostId]) -> None:
        with _translated():
            await self._remove(keys=[self._key(reader)], args=list(post_ids))

    async def fill(self, reader: UserId, post_ids: list[PostId]) -> None:
        await self._merge([reader], sorted(post_ids), last=DONE)

    async def ping(self) -> None:
        """Raise Unavailable unless Redis answers."""
        with _translated():
            await self._redis.ping()

    async def _merge(self, readers: list[UserId], ascending: list[PostId], *, last: str) -> None:
        keys = [self._key(reader) for reader in readers]
        with _translated():
            await self._insert(keys=keys, args=[FEED_LENGTH, FEED_SLACK, last, *ascending])

    def _key(self, reader: UserId) -> str:
        return f"{self._prefix}feed:{{{crc32(reader.encode()) % TAGS}}}:{reader}"


class RedisTranscodes:
    """Percent in strings `transcode:media` that expire."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def record(self, media_id: MediaId, percent: float) -> None:
        with _translated():
            await self._redis.set(self._key(media_id), f"{percent:.1f}", ex=TRANSCODE_TTL_S)

    async def read(self, media_ids: list[MediaId]) -> dict[MediaId, float]:
        with _translated():  # one by one: on Redis Cluster their keys lie apart
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
async def open_redis(settings: Settings) -> AsyncIterator[Redis]:
    """A pool of connections that are made when needed."""
    pool = BlockingConnectionPool.from_url(
        settings.redis,
        max_connections=CONNECTIONS_MAX,
        timeout=SOCKET_TIMEOUT_S,
        decode_responses=True,
        socket_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), RETRIES),
    )
    async with Redis.from_pool(pool) as redis:
        yield redis


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable("redis", error) from error
