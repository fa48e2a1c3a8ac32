"""Other ids for the same events: consistently, in the same order of time, and nobody else's.

Which fields hold ids their types say. Ids that sort by time are moved in time, all by as much, and
from the workers that minted them to as many that are leased for that time, in the same order; the
events are moved with them, so that all of it has happened just before now.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from random import Random
from types import NoneType
from typing import Any, NewType, TypeAlias, get_args, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Struct

from instastream.errors import Corrupt, Unready
from instastream.events import Event, decode_placed
from instastream.ids import (
    EPOCH_MS,
    SEQUENCES,
    WORKERS,
    CommentId,
    LikeId,
    MediaId,
    PostId,
    UserId,
    minted_ms,
)
from instastream.limits import AT_MS_MAX
from instastream.load.into_topics.tapes import Taped
from instastream.stores.leases import Leases

SNOWFLAKES: tuple[object, ...] = (UserId, PostId, CommentId, LikeId)
TIME_BITS = (WORKERS * SEQUENCES).bit_length() - 1
FIRST_MS = minted_ms("1000000000000000000")  # ids of before have fewer digits
UUID_BITS = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF  # of a random UUID; the others say what it is

DAY_MS = 86_400_000

# A field's: `UserId` and the like, or what the fields within it are.
Shape: TypeAlias = "object | dict[str, Shape]"
Change: TypeAlias = Callable[[str], str]


class Remap(Struct, frozen=True, kw_only=True):
    """Which id becomes which; each of another, and none twice."""

    shift_ms: int
    workers: Mapping[int, int]  # ascending, both
    mask: int  # of media ids

    def snowflake(self, old: str) -> str:
        """Of users, posts, comments and likes: what is later stays later."""
        number = int(old)
        ms, worker = number >> TIME_BITS, number // SEQUENCES % WORKERS
        moved = (ms + self.shift_ms) * WORKERS + self.workers[worker]
        return str(moved * SEQUENCES + number % SEQUENCES)

    def media(self, old: str) -> str:
        """Of media, which have no order."""
        return str(UUID(int=UUID(old).int ^ self.mask & UUID_BITS))

    def event(self, event: Event, value: bytes) -> bytes:
        """The same event of others; what is in `value` and not known here stays as it is."""
        fields = msgspec.json.decode(value)
        change_ids(fields, shape_of(type(event)), self.snowflake, self.media)
        fields["at_ms"] += self.shift_ms
        return msgspec.json.encode(fields)


@cache
def shape_of(kind: type[Struct]) -> dict[str, Shape]:
    """Where ids are in an event, or in a part of one."""
    shapes = {name: _shape(hint) for name, hint in get_type_hints(kind).items()}
    return {name: shape for name, shape in shapes.items() if shape}


def _shape(hint: Any) -> Shape:
    if isinstance(hint, NewType):
        return hint if hint in (*SNOWFLAKES, MediaId) else None
    if isinstance(hint, type) and issubclass(hint, Struct):
        return shape_of(hint)
    shapes = [_shape(one) for one in get_args(hint) if one is not NoneType]
    return next(filter(None, shapes), None)  # of a list, or of what may be None


def change_ids(within: Any, shape: Shape, snowflake: Change, media: Change) -> Any:
    """What stands in a value instead, in place where it has fields; what is no id stays."""
    if isinstance(within, list):
        return [change_ids(one, shape, snowflake, media) for one in within]
    if isinstance(shape, dict):
        for name, inner in shape.items():
            if within.get(name):
                within[name] = change_ids(within[name], inner, snowflake, media)
        return within
    return media(within) if shape is MediaId else snowflake(within)


def sound_event(taped: Taped) -> Event | None:
    """The event that a record holds, in its topic and under its key; None of any other record."""
    with suppress(Corrupt):
        return decode_placed(taped.value, topic=taped.topic, key=taped.key)
    return None


async def remap(
    recording: Iterable[Taped], leases: Leases, *, now_ms: int, random: Random
) -> Remap:
    """What makes a recording one of others, whose last event is right before now.

    Reads all of it. Raises Unready where its ids are of a time that can't be moved, Unavailable
    where there are not as many free workers as minted what is in it.
    """
    seen = _seen(recording)
    shift_ms = now_ms - 1 - seen.last_ms
    if seen.first_ms + shift_ms < FIRST_MS:
        days = (seen.last_ms - seen.first_ms) // DAY_MS
        raise Unready(f"its ids are of {days} days: too many to be moved")
    begins_ms = seen.first_ms + shift_ms
    leases_ = [await leases.acquire(now_ms=begins_ms, until_ms=now_ms) for _ in seen.workers]
    others = sorted(lease.worker for lease in leases_)  # all of that time is past: none to release
    return Remap(
        shift_ms=shift_ms,
        workers=dict(zip(sorted(seen.workers), others, strict=True)),
        mask=random.getrandbits(128),
    )


class _Seen(Struct):
    """Who minted the ids of some events, and when."""

    workers: set[int]
    first_ms: int
    last_ms: int  # or when the last event happened

    def look(self, snowflake: str) -> str:
        number = int(snowflake)
        self.workers.add(number // SEQUENCES % WORKERS)
        ms = (number >> TIME_BITS) + EPOCH_MS
        self.first_ms, self.last_ms = min(ms, self.first_ms), max(ms, self.last_ms)
        return snowflake


def _seen(recording: Iterable[Taped]) -> _Seen:
    seen = _Seen(set(), AT_MS_MAX, 0)
    for taped in recording:
        if event := sound_event(taped):
            fields = msgspec.json.decode(taped.value or b"")
            change_ids(fields, shape_of(type(event)), seen.look, str)
            seen.last_ms = max(seen.last_ms, event.at_ms)
    return seen
