"""An app knows how far it is behind in the partitions that it has, and when it stands still."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaError

from instastream.errors import Unavailable
from instastream.lag import Behind as Place
from instastream.progress import Behind, Progress
from streams import lagging
from streams.lagging import Lag


class TP(NamedTuple):
    topic: str
    partition: int


UPLOADS, MEDIA, MORE, ELSEWHERE = (
    TP("t1.uploads", 0),
    TP("t1.media", 0),
    TP("t1.media", 1),
    TP("t1.media", 2),
)


class Kafka:
    """What it says of a group: of three partitions and another's what is committed, and ends."""

    def __init__(self) -> None:
        self.places = {UPLOADS: (7, 9), MEDIA: (4, 5), MORE: (4, 7), ELSEWHERE: (0, 99)}
        self.trouble: Exception | None = None
        self.has = {UPLOADS, MEDIA, MORE}
        self.meanwhile: Callable[[], object] = bool  # what happens while it is asked

    def assigned(self) -> set[TP]:
        return set(self.has)

    async def look(self) -> list[Place]:
        self.meanwhile()
        if self.trouble:
            raise self.trouble
        return [Place("t1.app", *tp, *at) for tp, at in self.places.items() if at[0] < at[1]]


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def lag() -> Lag:
    return Lag("t1.")


@pytest.fixture
def progress() -> Progress[TP]:
    """An upload is in flight, what is in `media` waits, or nothing of it is here."""
    progress = Progress[TP]()
    progress.begin(UPLOADS, 7, at_ms=70)
    progress.fetch(MEDIA, 4, at_ms=40)
    return progress


async def test_a_topic_is_as_far_behind_as_its_partitions_together(
    lag: Lag, kafka: Kafka, progress: Progress[TP]
) -> None:
    await lag.look(kafka.look, kafka.assigned, idle=False)
    assert lag.by_topic(progress) == {"uploads": Behind(2, 70), "media": Behind(4, 40)}


async def test_a_topic_of_which_nothing_is_left_is_none_behind(lag: Lag, kafka: Kafka) -> None:
    kafka.places = {}
    await lag.look(kafka.look, kafka.assigned, idle=True)
    nothing = Behind(0, None)
    assert lag.by_topic(Progress[TP]()) == {"uploads": nothing, "media": nothing}


@pytest.mark.parametrize(
    "trouble", [KafkaError(), Unavailable("kafka", "away"), TimeoutError(), RuntimeError()]
)
async def test_what_kafka_said_last_stands_while_it_is_away(
    lag: Lag, kafka: Kafka, progress: Progress[TP], trouble: Exception
) -> None:
    await lag.look(kafka.look, kafka.assigned, idle=False)
    kafka.trouble = trouble
    progress.done(UPLOADS, 7)
    await lag.look(kafka.look, kafka.assigned, idle=False)
    assert lag.by_topic(progress)["uploads"] == Behind(1, None)


async def test_a_kafka_that_does_not_answer_is_not_waited_for(
    lag: Lag, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def frozen() -> list[Place]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(lagging, "LOOK_S_MAX", 0.01)
    await lag.look(frozen, set, idle=True)
    assert lag.stands_still(1) == []


async def test_partitions_that_went_while_kafka_was_asked_are_anothers(
    lag: Lag, kafka: Kafka, progress: Progress[TP]
) -> None:
    kafka.meanwhile = kafka.has.clear
    await lag.look(kafka.look, kafka.assigned, idle=True)
    assert lag.by_topic(progress) == {}


async def test_partitions_that_are_lost_are_behind_elsewhere(
    lag: Lag, kafka: Kafka, progress: Progress[TP]
) -> None:
    await lag.look(kafka.look, kafka.assigned, idle=True)
    lag.forget()
    assert lag.by_topic(progress) == {}


async def looked(lag: Lag, kafka: Kafka, times: int, *, idle: bool = True) -> None:
    for _ in range(times):
        await lag.look(kafka.look, kafka.assigned, idle=idle)


async def test_an_idle_app_stands_still_where_nothing_is_committed_of_what_there_is(
    lag: Lag, kafka: Kafka
) -> None:
    await looked(lag, kafka, 3)
    assert lag.stands_still(3) == [], "the first look has none before it"
    kafka.places[MEDIA] = (5, 6)
    await looked(lag, kafka, 1)
    assert set(lag.stands_still(3)) == {UPLOADS, MORE}


async def test_an_app_that_is_done_or_at_work_does_not_stand_still(lag: Lag, kafka: Kafka) -> None:
    await looked(lag, kafka, 9, idle=False)
    assert lag.stands_still(1) == []
    kafka.places = {}
    await looked(lag, kafka, 9)
    assert lag.stands_still(1) == []


@pytest.mark.parametrize(
    "between", ["at work", "no answer", "a rebalance", "one meanwhile", "a reason"]
)
async def test_it_stands_still_only_if_it_did_at_each_look(
    lag: Lag, kafka: Kafka, between: str
) -> None:
    await looked(lag, kafka, 3)
    if between == "at work":
        await looked(lag, kafka, 1, idle=False)
    elif between == "no answer":
        kafka.trouble = Unavailable("kafka", "away")
        await looked(lag, kafka, 1)
        kafka.trouble = None
    elif between == "a rebalance":
        lag.forget()
    elif between == "one meanwhile":
        kafka.meanwhile = lag.forget
        await looked(lag, kafka, 1)
        kafka.meanwhile = bool
    else:
        lag.moves()
    await looked(lag, kafka, 2)
    assert lag.stands_still(3) == []
