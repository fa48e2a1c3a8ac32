"""The epoch of a topic is asked for once by all who want it at the same moment."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from instastream.errors import Unavailable
from instastream.stores.cassandra.epochs import CHECKED_FOR_MS, CassandraEpochs
from instastream.topics import TopicLife

LIFE = TopicLife(UUID(int=1), 12)


class Recorded:
    """The row of a topic, which takes a moment to be read."""

    def __init__(self) -> None:
        self.reads = 0
        self.away = False
        self.now_ms = 1_000

    async def execute(self, cql: str, *values: object, serial: bool) -> list[Any]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("cassandra", "away")
        return [SimpleNamespace(epoch=7, topic_id=LIFE.topic_id, partitions=LIFE.partitions)]


async def life_of(topic: str) -> TopicLife:
    return LIFE


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def epochs(recorded: Recorded) -> CassandraEpochs:
    session: Any = recorded
    return CassandraEpochs(session, life_of, lambda: recorded.now_ms)


async def test_many_who_ask_at_once_are_one_read(
    epochs: CassandraEpochs, recorded: Recorded
) -> None:
    for reads in (1, 2):
        assert await asyncio.gather(*(epochs.of("likes") for _ in range(100))) == [7] * 100
        assert await epochs.of("likes") == 7
        assert recorded.reads == reads
        recorded.now_ms += CHECKED_FOR_MS


async def test_whoever_asked_first_and_left_leaves_the_others_their_answer(
    epochs: CassandraEpochs, recorded: Recorded
) -> None:
    first, other = (asyncio.ensure_future(epochs.of("likes")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await other == 7
    assert recorded.reads == 1


async def test_a_read_that_fails_fails_for_all_and_is_tried_again_by_the_next(
    epochs: CassandraEpochs, recorded: Recorded
) -> None:
    recorded.away = True
    asking = (epochs.of("likes") for _ in range(100))
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    recorded.away = False
    assert await epochs.of("likes") == 7
    assert recorded.reads == 2
