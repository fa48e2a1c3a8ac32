"""Changes on Redis: a stream that is trimmed, and an epoch that a Redis without memory has not.

A place is the last entry heard. Reading begins with it: where it is not the first that is read,
the stream was trimmed past it, or is another one.
"""

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from instastream.ids import PostId, UserId
from instastream.stores.changes import (
    CHANGES_KEPT,
    CHANGES_READ_MAX,
    Change,
    Heard,
    Place,
)
from instastream.stores.counts import Pending
from instastream.stores.feeds import Head
from instastream.stores.redis import AnyRedis, translated
from instastream.stores.redis_counts import RedisCounts, parse_pending
from instastream.stores.redis_feeds import RedisFeeds

BEGUN = {"kind": "begun"}  # a stream's first entry, so that there always is a last one
Entry = tuple[str, dict[str, str]]


class RedisChanges:
    """Changes in the stream `{changes}:stream`; `{changes}:epoch` is another after each loss."""

    def __init__(
        self, redis: AnyRedis, feeds: RedisFeeds, counts: RedisCounts, *, prefix: str
    ) -> None:
        self._redis = redis
        self._feeds = feeds
        self._counts = counts
        self._stream = f"{prefix}{{changes}}:stream"
        self._epoch = f"{prefix}{{changes}}:epoch"

    async def tell(self, *changes: Change) -> None:
        with translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(self._epoch, token_hex(8), nx=True)
                for change in changes:
                    pipeline.xadd(self._stream, _fields(change), maxlen=CHANGES_KEPT)
                await pipeline.execute()

    async def forget(self) -> None:
        with translated():
            await self._redis.set(self._epoch, token_hex(8))

    async def since(
        self,
        place: Place | None,
        heads: Sequence[Head] = (),
        viewers: Sequence[UserId] = (),
    ) -> tuple[Heard, list[list[PostId] | None], list[Sequence[Pending]]]:
        with translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                if place:
                    pipeline.get(self._epoch)
                    pipeline.xrange(self._stream, place.entry, count=CHANGES_READ_MAX)
                of_heads = self._feeds.queue_heads(pipeline, heads)
                of_viewers = self._counts.queue_pending(pipeline, viewers)
                answers = await pipeline.execute()
            heard = _heard(place, *answers[:2]) if place else None
            feeds: list[list[PostId] | None] = [None] * len(heads)
            pending: list[Sequence[Pending]] = [()] * len(viewers)
            rest = iter(answers[2 if place else 0 :])
            for ats, ids in zip(of_heads, rest, strict=False):
                for at, head in zip(ats, ids, strict=True):
                    feeds[at] = head
            for ats, said in zip(of_viewers, rest, strict=True):
                for at, entries in zip(ats, said, strict=True):
                    pending[at] = parse_pending(entries)
            return heard or await self._anew(), feeds, pending

    async def wait(self, place: Place, *, timeout_s: float) -> None:
        with translated():
            await self._redis.xread(
                {self._stream: place.entry}, count=1, block=int(timeout_s * 1000)
            )

    async def _anew(self) -> Heard:
        """From the last entry on; one is made where there is none."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(self._epoch, token_hex(8), nx=True)
            pipeline.get(self._epoch)
            pipeline.xrevrange(self._stream, count=1)
            _, epoch, last = await pipeline.execute()
        entry = last[0][0] if last else await self._redis.xadd(self._stream, _typed(BEGUN))
        return Heard(Place(str(epoch), str(entry)), lost=True)


def _heard(place: Place, epoch: str | None, entries: list[Entry]) -> Heard | None:
    """What came after the place, None where that is not known."""
    if epoch != place.epoch or not entries or entries[0][0] != place.entry:
        return None
    if len(entries) == 1:
        return Heard(place)
    if len(entries) == CHANGES_READ_MAX:
        return None
    changes = [(entry, _change(fields)) for entry, fields in entries[1:] if fields != BEGUN]
    return Heard(Place(epoch, entries[-1][0]), changes)


def _fields(change: Change) -> Any:
    fields = {"kind": change.kind, "user": change.user_id}
    return fields | {"post": change.post_id} if change.post_id else fields


def _typed(fields: dict[str, str]) -> Any:
    return fields


def _change(fields: dict[str, str]) -> Change:
    post_id = fields.get("post")
    return Change(
        fields["kind"],  # type: ignore[arg-type]
        UserId(fields["user"]),
        PostId(post_id) if post_id else None,
    )
