"""An app knows how far it is behind in the partitions that it has, also while Kafka is away."""

from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaError

from instastream.progress import Behind, Progress
from streams.lagging import Lag


class Place(NamedTuple):
    topic: str
    partition: int


UPLOADS, MEDIA, MORE = Place("t1.uploads", 0), Place("t1.media", 0), Place("t1.media", 1)


class Consumer:
    """Faust's, of three partitions."""

    def __init__(self) -> None:
        self.has = {UPLOADS, MEDIA, MORE}
        self.ends = {UPLOADS: 9, MEDIA: 5, MORE: 7}
        self.away = False

    def assignment(self) -> set[Place]:
        return set(self.has)

    async def highwaters(self, *places: Place) -> dict[Place, int]:
        if self.away:
            raise KafkaError
        return {place: self.ends[place] for place in places}

    async def position(self, place: Place) -> int:
        return 4


@pytest.fixture
def progress() -> Progress[Place]:
    """An upload is in flight, what is in `media` waits, or nothing of it is here."""
    progress = Progress[Place]()
    progress.begin(UPLOADS, 7, at_ms=70)
    progress.fetch(MEDIA, 4, at_ms=40)
    return progress


async def test_a_topic_is_as_far_behind_as_its_partitions_together(
    progress: Progress[Place],
) -> None:
    lag = Lag("t1.")
    await lag.look(Consumer(), progress)
    assert lag.by_topic(progress) == {"uploads": Behind(2, 70), "media": Behind(4, 40)}


async def test_what_kafka_said_last_stands_while_it_is_away(progress: Progress[Place]) -> None:
    lag, consumer = Lag("t1."), Consumer()
    await lag.look(consumer, progress)
    consumer.away = True
    progress.done(UPLOADS, 7)
    await lag.look(consumer, progress)
    assert lag.by_topic(progress)["uploads"] == Behind(1, None)


async def test_partitions_that_went_while_kafka_was_asked_are_anothers(
    progress: Progress[Place],
) -> None:
    class Losing(Consumer):
        async def position(self, place: Place) -> int:
            self.has = {MEDIA}
            return 4

    lag = Lag("t1.")
    await lag.look(Losing(), progress)
    assert lag.by_topic(progress) == {}


async def test_partitions_that_are_lost_are_behind_elsewhere(progress: Progress[Place]) -> None:
    lag = Lag("t1.")
    await lag.look(Consumer(), progress)
    lag.forget()
    assert lag.by_topic(progress) == {}
