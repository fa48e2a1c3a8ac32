"""Counts as they are shown, on Redis: totals as short strings, pending likes as lists by user.

A total is `version:count:size:at_ms`. Versions go beyond 2^53, which Lua's numbers lose, so they
have one length and are compared as strings. Keys spread over a few slots, as feeds do: many totals
are one command for each slot.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from instastream.ids import UserId
from instastream.limits import (
    COUNTS_AT_ONCE,
    COUNTS_TTL_S,
    PENDING_LENGTH,
    PENDING_TTL_S,
    ZEROS_TTL_S,
)
from instastream.stores.counters import Total
from instastream.stores.counts import KINDS, Kind, Pending
from instastream.stores.redis import SCANNED_AT_ONCE, AnyRedis, by_slot, tag_of, translated

VERSION_DIGITS = 21  # of the sum of 256 versions below 2^61
PENDING_PARSED = 2_000  # lists whose meaning is kept, 20 kB each at most: who reads, reads again

# KEYS: totals. ARGV: seconds that they live, that those live of what nobody has liked or commented
# on yet, what they are.
PUBLISH = f"""
local kept = redis.call('MGET', unpack(KEYS))
for at, key in ipairs(KEYS) do
  local said = ARGV[at + 2]
  if not kept[at] or kept[at]:sub(1, {VERSION_DIGITS}) <= said:sub(1, {VERSION_DIGITS}) then
    redis.call('SET', key, said, 'EX', said:find('^0+:') and ARGV[2] or ARGV[1])
  end
end
"""

# KEYS: lists.
PENDING = """
local said = {}
for at, key in ipairs(KEYS) do said[at] = table.concat(redis.call('LRANGE', key, 0, -1), ' ') end
return said
"""


class RedisCounts:
    """Totals `counts:{tag}:kind:subject`, and lists `pending:{tag}:user`."""

    def __init__(
        self,
        redis: AnyRedis,
        *,
        prefix: str,
        ttl_s: int = COUNTS_TTL_S,
        zeros_ttl_s: int = ZEROS_TTL_S,
        pending_ttl_s: int = PENDING_TTL_S,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._ttls_s = ttl_s, zeros_ttl_s
        self._pending_ttl_s = pending_ttl_s
        self._publish = redis.register_script(PUBLISH)

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        said = [(self._key(kind, total.subject_id), _packed(total)) for total in totals]
        slots = by_slot([total.subject_id for total in totals], self._redis)
        with translated():
            await asyncio.gather(
                *(
                    self._publish(
                        keys=[said[at][0] for at in ats],
                        args=[*self._ttls_s, *(said[at][1] for at in ats)],
                    )
                    for ats in _pieces(slots)
                )
            )

    async def totals(self, kind: Kind, subject_ids: Collection[str]) -> Mapping[str, Total]:
        read = await self._read([(kind, subject_id) for subject_id in subject_ids])
        return {subject_id: total for (_, subject_id), total in read.items()}

    async def of_all_kinds(self, subject_ids: Collection[str]) -> Mapping[tuple[Kind, str], Total]:
        return await self._read([(kind, one) for one in subject_ids for kind in KINDS])

    async def _read(self, names: Sequence[tuple[Kind, str]]) -> dict[tuple[Kind, str], Total]:
        slots = list(_pieces(by_slot([subject_id for _, subject_id in names], self._redis)))
        with translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for ats in slots:
                    pipeline.execute_command("MGET", *(self._key(*names[at]) for at in ats))
                answers = await pipeline.execute() if slots else []
        return {
            names[at]: _unpacked(names[at][1], said)
            for ats, some in zip(slots, answers, strict=True)
            for at, said in zip(ats, some, strict=True)
            if said is not None
        }

    async def everything(self) -> AsyncIterator[tuple[Kind, Total]]:
        with translated():
            pattern = f"{self._prefix}counts:*"
            keys = {str(key) async for key in self._redis.scan_iter(pattern, count=SCANNED_AT_ONCE)}
        names = sorted(_named(key) for key in keys)
        for start in range(0, len(names), COUNTS_AT_ONCE):
            read = await self._read(names[start : start + COUNTS_AT_ONCE])
            for (kind, _), total in read.items():
                yield kind, total

    async def expect(self, user_id: UserId, pending: Pending) -> None:
        key = self._pending_key(user_id)
        entry = f"{pending.subject_id}:{pending.shards}:{pending.liked:d}:{pending.version}"
        with translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.rpush(key, entry)
                pipeline.ltrim(key, -PENDING_LENGTH, -1)
                pipeline.expire(key, self._pending_ttl_s)
                await pipeline.execute()

    async def pending(self, user_id: UserId) -> list[Pending]:
        with translated():
            entries = await self._redis.lrange(self._pending_key(user_id), 0, -1)
        return list(parse_pending(" ".join(map(str, entries))))

    def queue_pending(
        self, pipeline: Pipeline | ClusterPipeline, viewers: Sequence[UserId]
    ) -> Sequence[Sequence[int]]:
        """Ask for what some said lately as part of a larger round trip.

        One command for all that share a slot: returns which of `viewers` each answers, with a
        text each for `parse_pending`.
        """
        slots = by_slot(viewers, self._redis)
        for ats in slots:
            pipeline.eval(PENDING, len(ats), *(self._pending_key(viewers[at]) for at in ats))
        return slots

    def _key(self, kind: Kind, subject_id: str) -> str:
        return f"{self._prefix}counts:{{{tag_of(subject_id)}}}:{kind}:{subject_id}"

    def _pending_key(self, user_id: UserId) -> str:
        return f"{self._prefix}pending:{{{tag_of(user_id)}}}:{user_id}"


def _named(key: str) -> tuple[Kind, str]:
    kind, subject_id = key.split(":")[-2:]
    return ("likes" if kind == "likes" else "comments"), subject_id


@lru_cache(PENDING_PARSED)
def parse_pending(entries: str) -> tuple[Pending, ...]:
    """What the entries of a list say, with spaces between them."""
    return tuple(map(_pending, entries.split()))


def _pending(entry: str) -> Pending:
    subject_id, shards, liked, version = entry.split(":")
    return Pending(
        subject_id=subject_id, shards=int(shards), liked=liked == "1", version=int(version)
    )


def _packed(total: Total) -> str:
    return f"{total.version:0{VERSION_DIGITS}}:{total.count}:{total.size}:{total.at_ms}"


def _unpacked(subject_id: str, said: str) -> Total:
    version, count, size, at_ms = map(int, said.split(":"))
    return Total(subject_id=subject_id, version=version, count=count, size=size, at_ms=at_ms)


def _pieces(slots: Sequence[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Not too many keys in one command."""
    for ats in slots:
        for start in range(0, len(ats), COUNTS_AT_ONCE):
            yield ats[start : start + COUNTS_AT_ONCE]
