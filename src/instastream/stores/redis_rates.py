"""Rates on Redis, by its own clock: of a key, when it has all of its rate again."""

from instastream.limits import Rate
from instastream.stores.redis import AnyRedis, translated

# KEYS: of whom and what. ARGV: microseconds until there is one more, how many at once.
TAKE = """
local clock = redis.call('TIME')
local now, every = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = full - (ARGV[2] - 1) * every - now
if wait > 0 then return wait end
full = full + every
redis.call('SET', KEYS[1], full, 'PX', math.ceil((full - now) / 1000))
return 0
"""


class RedisRates:
    """Rates in strings `rate:key` that expire when all of it is there again."""

    def __init__(self, redis: AnyRedis, *, prefix: str) -> None:
        self._prefix = prefix
        self._take = redis.register_script(TAKE)

    async def take(self, key: str, rate: Rate) -> float:
        with translated():
            every_us = round(rate.every_s * 1e6)
            wait_us = await self._take(
                keys=[f"{self._prefix}rate:{key}"], args=[every_us, rate.at_once]
            )
        return int(wait_us) / 1e6
