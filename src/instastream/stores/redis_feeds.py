"""Feeds on Redis, as lists of ids that are put in order when they are read.

A list runs from what came last, as it came, down to MARK; from there on it is in order, down to
a last entry: DONE, or BUILDING and a token until the rebuild with this token has ended. A push is
one LPUSHX a feed. A read that finds something above the mark moves it to its place, as does a push
to a list that outgrew its slack. Ids have one length, so comparing them as strings is right, also
in Lua, whose numbers lose 64-bit ids; MARK and the last entries sort below every id.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from zlib import crc32

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from instastream.ids import PostId, UserId
from instastream.limits import (
    FANOUT_BATCH_LENGTH,
    FEED_LENGTH,
    FEED_SLACK,
    FEED_TTL_S,
    REBUILD_LEASE_S,
)
from instastream.stores.feeds import FeedState, Head
from instastream.stores.redis import SCANNED_AT_ONCE, TAGS, AnyRedis, by_slot, translated

DONE = "0"
BUILDING = "-"
MARK = "+"
TTL_SLACK = 30  # a list's end is put off after this part of its time: most reads write nothing

# Below the mark it looks only as deep as the oldest id above it belongs, 64 entries at a time.
SETTLE = f"""
local call = redis.call
local function settle(feed)
  local length = call('LLEN', feed) - 1
  local above = call('LPOS', feed, '{MARK}') or length
  local ids = above > 0 and call('LRANGE', feed, 0, above - 1) or {{}}
  table.sort(ids)
  local oldest, depth = ids[1], math.min(above + 1, length)
  while oldest and depth < length and call('LINDEX', feed, depth) >= oldest do
    local deeper = math.min(depth + 64, length)
    for _, id in ipairs(call('LRANGE', feed, depth, deeper - 1)) do ids[#ids + 1] = id end
    depth = deeper
  end
  if depth > above + 1 then table.sort(ids) end
  local once = {{}}
  for _, id in ipairs(ids) do
    if id ~= once[#once] then once[#once + 1] = id end
  end
  once[#once + 1] = '{MARK}'
  call('LTRIM', feed, depth, -1)
  if call('LPUSH', feed, unpack(once)) > {FEED_LENGTH} + 2 then
    local last = call('LINDEX', feed, -1)
    call('LTRIM', feed, 0, {FEED_LENGTH})
    call('RPUSH', feed, last)
  end
end
"""

# KEYS: feeds. ARGV: ids.
PUSH = f"""{SETTLE}
for _, id in ipairs(ARGV) do
  for at = 1, #KEYS do
    if call('LPUSHX', KEYS[at], id) > {FEED_LENGTH + FEED_SLACK} + 2 then settle(KEYS[at]) end
  end
end
"""

# KEYS: feeds. ARGV: seconds that they live when they are not read, how many ids of each.
READ = f"""{SETTLE}
local ttl, heads = tonumber(ARGV[1]), {{}}
for at, feed in ipairs(KEYS) do
  local last = call('LINDEX', feed, -1)
  heads[at] = false
  if last == '{DONE}' then
    if call('LINDEX', feed, 0) ~= '{MARK}' then settle(feed) end
    if call('TTL', feed) < ttl - ttl / {TTL_SLACK} then call('EXPIRE', feed, ttl) end
    local ids = call('LRANGE', feed, 1, ARGV[at + 1])
    if ids[#ids] == last then ids[#ids] = nil end
    heads[at] = ids
  end
end
return heads
"""

# KEYS: a feed. ARGV: ids.
REMOVE = f"""
local length, removed = redis.call('LLEN', KEYS[1]), 0
for _, id in ipairs(ARGV) do removed = removed + redis.call('LREM', KEYS[1], 0, id) end
if removed > 0 and length >= {FEED_LENGTH} + 2 then redis.call('DEL', KEYS[1]) end
"""

# KEYS: a feed. ARGV: its last entry while it is rebuilt, seconds of the lease, '' or 'anew'.
# One whose answer was lost asks again.
OPEN = """
local last = redis.call('LINDEX', KEYS[1], -1)
if last == ARGV[1] then return 1 end
if last and ARGV[3] == '' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('RPUSH', KEYS[1], ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: a feed. ARGV: its last entry while it is rebuilt, seconds of the lease.
HOLD = """
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then return 0 end
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: a feed. ARGV: its last entry while it is rebuilt, seconds that it lives then, ids.
FILL = f"""
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then return 0 end
if #ARGV > 2 then redis.call('LPUSH', KEYS[1], unpack(ARGV, 3)) end
redis.call('LSET', KEYS[1], -1, '{DONE}')
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""


class RedisFeeds:
    """Feeds in lists `feed:{tag}:user`, each gone when it is not read for `ttl_s`."""

    def __init__(
        self,
        redis: AnyRedis,
        *,
        prefix: str,
        ttl_s: int = FEED_TTL_S,
        lease_s: int = REBUILD_LEASE_S,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._heads = [f"{prefix}feed:{{{tag}}}:" for tag in range(TAGS)]
        self._ttl_s = ttl_s
        self._lease_s = lease_s
        self._push = redis.register_script(PUSH)
        self._read = redis.register_script(READ)
        self._open = redis.register_script(OPEN)
        self._hold = redis.register_script(HOLD)
        self._fill = redis.register_script(FILL)
        self._remove = redis.register_script(REMOVE)

    async def push(self, post_id: PostId, readers: list[UserId]) -> None:
        with translated():
            await asyncio.gather(
                *(self._push(keys=keys, args=[post_id]) for keys in self._batches(readers))
            )

    async def insert(self, reader: UserId, post_ids: list[PostId]) -> None:
        if post_ids:
            with translated():
                await self._push(keys=[self.key(reader)], args=post_ids)

    async def read(self, reader: UserId) -> list[PostId] | None:
        with translated():
            [ids] = await self._read(keys=[self.key(reader)], args=[self._ttl_s, FEED_LENGTH])
        return None if ids is None else [PostId(str(post_id)) for post_id in ids]

    def queue_heads(
        self, pipeline: Pipeline | ClusterPipeline, heads: Sequence[Head]
    ) -> Sequence[Sequence[int]]:
        """Ask for the beginnings of feeds as part of a larger round trip.

        One command for all that share a slot: returns which of `heads` each answers.
        """
        groups = by_slot([reader for reader, _ in heads], self._redis)
        for ats in groups:
            keys = [self.key(heads[at][0]) for at in ats]
            lengths = [min(heads[at][1], FEED_LENGTH) for at in ats]
            pipeline.eval(READ, len(keys), *keys, self._ttl_s, *lengths)
        return groups

    async def remove(self, reader: UserId, post_ids: list[PostId]) -> None:
        with translated():
            await self._remove(keys=[self.key(reader)], args=list(post_ids))

    async def peek(self, reader: UserId) -> FeedState | None:
        with translated():
            entries = await self._redis.lrange(self.key(reader), 0, -1)
        if not entries:
            return None
        ids = sorted({PostId(str(one)) for one in entries[:-1] if one != MARK}, reverse=True)
        return FeedState(ids[:FEED_LENGTH], entries[-1] != DONE)

    async def readers(self) -> AsyncIterator[UserId]:
        with translated():
            async for key in self._redis.scan_iter(f"{self._prefix}feed:*", count=SCANNED_AT_ONCE):
                yield UserId(key.rpartition(":")[2])

    async def open(self, reader: UserId, token: str, *, anew: bool = False) -> bool:
        kind = "anew" if anew else ""
        with translated():
            opened = await self._open(
                keys=[self.key(reader)], args=[BUILDING + token, self._lease_s, kind]
            )
        return bool(opened)

    async def hold(self, reader: UserId, token: str) -> bool:
        with translated():
            held = await self._hold(keys=[self.key(reader)], args=[BUILDING + token, self._lease_s])
        return bool(held)

    async def fill(self, reader: UserId, token: str, post_ids: list[PostId]) -> bool:
        with translated():
            filled = await self._fill(
                keys=[self.key(reader)],
                args=[BUILDING + token, self._ttl_s, *sorted(post_ids)],
            )
        return bool(filled)

    async def ping(self) -> None:
        """Raise Unavailable unless Redis answers."""
        with translated():
            await self._redis.ping()

    def key(self, reader: UserId) -> str:
        """Where someone's list is."""
        [key] = self._keys([reader])
        return key

    def _keys(self, readers: Sequence[UserId]) -> list[str]:
        """As `tag_of`, without the cost of a call for each."""
        heads = self._heads
        return [heads[crc32(reader.encode()) % TAGS] + reader for reader in readers]

    def _batches(self, readers: Sequence[UserId]) -> Iterator[list[str]]:
        """Keys for one call each."""
        keys = self._keys(readers)
        for ats in by_slot(readers, self._redis):
            for start in range(0, len(ats), FANOUT_BATCH_LENGTH):
                yield [keys[at] for at in ats[start : start + FANOUT_BATCH_LENGTH]]
