"""Rates on Redis, by its own clock: of a key, when it has all of its rate again."""

from instastream.limits import Rate
from instastream.stores.rates import Taken, standing
from instastream.stores.redis import AnyRedis, translated

# KEYS: of whom and what. ARGV: microseconds until there is one more, how many at once.
# Microseconds to wait, and until all are there.
TAKE = """
local clock = redis.call('TIME')
local now, every = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = full - (ARGV[2] - 1) * every - now
if wait > 0 then return {wait, full - now} end
full = full + every
redis.call('SET', KEYS[1], full, 'PX', math.ceil((full - now) / 1000))
return {0, full - now}
"""


class RedisRates:
    """Rates in strings `rate:what:whose` that expire when all of it is there again."""

    def __init__(self, redis: AnyRedis, *, prefix: str) -> None:
        self._prefix = prefix
        self._take = redis.register_script(TAKE)

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        with translated():
            wait_us, whole_us = await self._take(
                keys=[f"{self._prefix}rate:{what}:{whose}"],
                args=[round(rate.every_s * 1e6), rate.at_once],
            )
        return standing(rate, wait_s=int(wait_us) / 1e6, whole_s=int(whole_us) / 1e6)
