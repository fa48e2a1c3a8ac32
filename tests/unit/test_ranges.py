"""Spans are read as they come; Kafka's silence ends that, and nobody else's."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from instastream import ranges
from instastream.errors import Unavailable
from instastream.ranges import STALL_S, Span, slices
from tests.conftest import IN_MEMORY
from tests.unit.delivering import fetched

WANTED = Span(topic="users", partition=0, begin=0, end=2)


class Partition:
    """A consumer of one partition, which polls as a script says: an offset, or nothing for 1 s."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *polls: int | None) -> None:
        self.polls = list(polls)
        self.now_s = 0.0
        self.next = 0
        monkeypatch.setattr(ranges, "time", SimpleNamespace(monotonic=lambda: self.now_s))

    def assign(self, places: list[TopicPartition]) -> None:
        [self.place] = places

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.next = offset

    def pause(self, *places: TopicPartition) -> None: ...

    async def position(self, place: TopicPartition) -> int:
        return self.next

    async def getmany(self, **limits: int) -> Mapping[TopicPartition, list[ConsumerRecord]]:
        offset = self.polls.pop(0)
        if offset is None:
            self.now_s += 1
            return {}
        self.next = offset + 1
        return {self.place: [fetched(offset, b"")]}

    async def read(self, *, handled_within_s: float) -> list[int]:
        """Offsets, in the order they came in."""
        offsets = []
        consumer = cast(AIOKafkaConsumer, self)
        async for some in slices(consumer, [WANTED], IN_MEMORY, length_max=9):
            offsets += [record.offset for records in some.values() for record in records]
            self.now_s += handled_within_s
        return offsets


async def test_a_handler_that_takes_long_is_not_kafka_being_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partition = Partition(monkeypatch, 0, None, 1)
    assert await partition.read(handled_within_s=STALL_S + 10) == [0, 1]


async def test_a_kafka_that_says_nothing_for_long_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partition = Partition(monkeypatch, 0, *[None] * 40, 1)
    with pytest.raises(Unavailable, match="nothing came of users"):
        await partition.read(handled_within_s=1)
    assert len(partition.polls) == 40 - STALL_S
