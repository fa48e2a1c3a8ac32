"""Plays a recording into the topics of a system, as fast as it was, or faster, in an open loop."""

from collections.abc import AsyncIterator, Hashable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from instastream.counting import EPOCH_BITS
from instastream.errors import Unready
from instastream.events import (
    Event,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    decode,
    identity_of,
)
from instastream.follows import EdgeEvent
from instastream.load.into_topics.appending import Appender, Outgoing
from instastream.load.into_topics.pouring import Poured, Report, pour
from instastream.load.into_topics.remapping import Remap, sound_event
from instastream.load.into_topics.tapes import Reader, Taped
from instastream.stores.epochs import Epochs

SLICE_LENGTH = 256
OFFSETS = (1 << EPOCH_BITS) - 1


class Replayed(Struct, frozen=True, kw_only=True):
    """What was played, how much of it held no event, and how much a recording lacks."""

    poured: Poured
    passed: int  # as they were: of no event, of the wrong topic or under the wrong key
    missing: int  # of what was to be recorded: it was cut short


async def replay(
    reader: Reader,
    appender: Appender,
    *,
    speed: float | None,
    remap: Remap | None,
    epochs: Epochs,
    report: Report,
) -> Replayed:
    """Append what was recorded, each record when it was, `speed` times as fast (None: at once).

    Ids are kept, or others by `remap`; headers stay but for the id of an event that is another.
    What has a key goes where the producer puts it, else into the partition of the same number.
    Returns when everything is acknowledged. Raises Unready where a topic is not there or the
    recording can't be read, Unavailable where Kafka is away for too long.
    """
    if speed is not None and not 0 < speed < float("inf"):
        raise Unready("speed: must be above 0")
    await appender.know(reader.header.topics)
    playing = _Playing(reader, appender, speed, remap, await epochs.of(FollowRequested.topic))
    poured = await pour(playing.slices(), appender, report)
    missing = reader.header.offsets - playing.count
    return Replayed(poured=poured, passed=playing.passed, missing=missing)


class _Playing:
    def __init__(
        self,
        reader: Reader,
        appender: Appender,
        speed: float | None,
        remap: Remap | None,
        graph_epoch: int,
    ) -> None:
        self.count = self.passed = 0
        self._reader = reader
        self._appender = appender
        self._speed = speed
        self._remap = remap
        self._graph_epoch = graph_epoch
        self._due_s = 0.0

    async def slices(self) -> AsyncIterator[Sequence[Outgoing]]:
        """Small ones; what names a place in the log comes after what stands there is sent."""
        slice_: list[Outgoing] = []
        first_ms: int | None = None
        for taped in self._reader:
            first_ms = taped.at_ms if first_ms is None else first_ms
            self.count += 1
            event = sound_event(taped)
            if isinstance(event, FollowApproved | FollowDenied):
                yield slice_
                slice_ = []
                taped = await self._answer(taped, event)
            slice_.append(self._outgoing(taped, event, self._due(taped.at_ms - first_ms)))
            if len(slice_) == SLICE_LENGTH:
                yield slice_
                slice_ = []
        yield slice_

    def _due(self, after_ms: int) -> float | None:
        """Never before what was recorded before it."""
        if self._speed is None:
            return None
        self._due_s = max(self._due_s, after_ms / 1000 / self._speed)
        return self._due_s

    def _outgoing(self, taped: Taped, event: Event | None, due_s: float | None) -> Outgoing:
        mark = None
        if event is None:
            self.passed += 1
        elif isinstance(event, FollowRequested):
            mark = _mark(taped, event, taped.offset)
        if event and self._remap and taped.value:
            taped = _saying(taped, self._remap.event(event, taped.value))
            taped = replace(taped, key=decode(taped.value).key.encode())
        return Outgoing(
            topic=taped.topic,
            key=taped.key,
            value=taped.value,
            headers=taped.headers,
            due_s=due_s,
            partition=taped.partition,
            mark=mark,
        )

    async def _answer(self, taped: Taped, answer: FollowApproved | FollowDenied) -> Taped:
        """An answer with the place that its request has here: without one it stands by itself."""
        offset = await self._appender.offset_of(_mark(taped, answer, answer.request & OFFSETS))
        here = self._graph_epoch + 1 if offset is None else self._graph_epoch  # none is of the next
        fields = msgspec.json.decode(taped.value or b"")
        fields["request"] = here << EPOCH_BITS | (offset or 0)
        return _saying(taped, msgspec.json.encode(fields))


def _mark(taped: Taped, edge: EdgeEvent, offset: int) -> Hashable:
    """The place of what was said of an edge, in the log that was recorded."""
    return taped.partition, offset, edge.follower_id, edge.followee_id


def _saying(taped: Taped, value: bytes) -> Taped:
    """The record of another event: its `ce_id` is another, too."""
    if value == taped.value:
        return taped
    identity = identity_of(value)
    headers = [(name, identity if name == "ce_id" else old) for name, old in taped.headers]
    return replace(taped, value=value, headers=headers)
