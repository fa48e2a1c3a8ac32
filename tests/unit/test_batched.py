"""A batch worker handles a partition in order, waits for stores, and buries what is poison."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from instastream.deps import memory_deps
from instastream.errors import Unavailable, Unready
from instastream.events import PostLiked, encode
from instastream.ids import LikeId, PostId, UserId
from instastream.limits import FETCHED_RECORD_BYTES
from streams import batched
from streams.batched import BatchApp
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import NoRenderer
from tests.unit.delivering import (
    JOINED,
    GrumpyLog,
    HandledBatches,
    consume,
    delivered,
    fetched,
    having,
    without_servers,
)

LIKED = PostLiked(
    post_id=PostId("1571234567890123456"),
    user_id=UserId("1571234567890123457"),
    like_id=LikeId("1571234567890123458"),
    at_ms=1,
)
KEY = LIKED.key.encode()
REGISTRY = CollectorRegistry()


@pytest.fixture(scope="module")
def handled() -> HandledBatches:
    return HandledBatches()


@pytest.fixture(scope="module")
def app(handled: HandledBatches) -> Iterator[BatchApp]:
    """One for all tests: its metrics are the process's."""
    with pytest.MonkeyPatch.context() as patch:
        without_servers(patch, REGISTRY)
        patch.setattr(batched, "COUNT_BATCH_LENGTH", 4)
        patch.setattr(batched, "BATCHES_BYTES_MAX", 8 * FETCHED_RECORD_BYTES)
        yield BatchApp("unit-batched", {"engagement": handled})


@pytest.fixture
async def log(app: BatchApp, handled: HandledBatches) -> AsyncIterator[GrumpyLog]:
    log = GrumpyLog(away=0)
    vars(handled).update(vars(HandledBatches()))
    app._restart_progress()
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        app.deps = having(deps, log=log, sleep=handled.sleep)
        yield log


def likes(*offsets: int, partition: int = 0, generation_id: int = 1) -> Any:
    """They arrive together."""
    records = [
        fetched(offset, encode(LIKED), topic="engagement", key=KEY, partition=partition)
        for offset in offsets
    ]
    return delivered(*records, generation_id=generation_id)


def committable(app: BatchApp) -> list[int]:
    return [*app.progress.committable().values()]


async def a_moment() -> None:
    """What can be done is done meanwhile."""
    await asyncio.sleep(0.01)


async def test_a_batch_is_one_event_when_caught_up(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    await consume(app, likes(7), a_moment, likes(8), a_moment)
    assert handled.batches == [[7], [8]]
    assert committable(app) == [9]


async def test_what_arrives_meanwhile_is_one_batch_up_to_its_largest_length(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def go_on() -> None:
        assert committable(app) == [1]
        handled.may_end.set()

    handled.may_end.clear()
    await consume(app, likes(1), a_moment, likes(2, 3), likes(4, 5, 6), go_on, a_moment)
    assert handled.batches == [[1], [2, 3, 4, 5], [6]]
    assert committable(app) == [7]


async def test_partitions_are_handled_at_once(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def both_under_way() -> None:
        await a_moment()
        assert handled.partitions == [0, 1]
        handled.may_end.set()

    handled.may_end.clear()
    await consume(app, likes(1), likes(1, partition=1), both_under_way)
    assert committable(app) == [2, 2]


async def test_no_more_is_taken_than_there_is_room_for(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    handled.may_end.clear()
    taking = asyncio.create_task(consume(app, likes(1), likes(*range(2, 9)), likes(9), a_moment))
    await a_moment()
    assert app._batches.full
    handled.may_end.set()
    await taking
    assert [offset for batch in handled.batches for offset in batch] == [*range(1, 10)]


async def test_what_waited_while_partitions_moved_is_not_begun(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def rebalance() -> None:
        await a_moment()
        app._lose_partitions()
        app.consumer_generation_id = 2
        app._restart_progress()

    async def go_on() -> None:
        handled.may_end.set()

    handled.may_end.clear()
    again = likes(1, 2, generation_id=2)
    await consume(app, likes(1), a_moment, likes(2, 3), rebalance, again, go_on, a_moment)
    assert handled.batches == [[1], [1, 2]], "and one at a time, also of an old generation"
    assert committable(app) == [3]


async def test_a_batch_that_began_before_partitions_moved_is_not_committed_after(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def rebalance() -> None:
        """Before the batch has made its first step."""
        assert handled.batches == []
        app._lose_partitions()
        app.consumer_generation_id = 2
        app._restart_progress()

    await consume(app, likes(1), rebalance, a_moment)
    assert handled.batches == [[1]]
    assert committable(app) == [], "it may be another worker's by now"


async def test_once_partitions_are_lost_what_waits_is_not_begun(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def lose() -> None:
        app._lose_partitions()
        handled.may_end.set()

    handled.may_end.clear()
    await consume(app, likes(1), a_moment, likes(2), lose, a_moment)
    assert handled.batches == [[1]]


async def test_what_was_delivered_before_partitions_moved_is_not_begun_after(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    async def move() -> None:
        app.consumer_generation_id = 2

    await consume(app, move, likes(1), likes(1, 2, generation_id=2), a_moment)
    assert handled.batches == [[1, 2]]


@pytest.mark.parametrize("trouble", [Unavailable("cassandra", "away"), Unready("made anew")])
async def test_a_batch_is_held_in_place_while_it_can_not_be_counted(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog, trouble: Exception
) -> None:
    handled.troubles = [trouble, trouble]
    await consume(app, likes(1, 2), a_moment)
    assert handled.batches == [[1, 2]] * 3
    assert log.raw == []
    assert committable(app) == [3]


async def test_what_it_caused_is_appended_without_doing_it_again(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    handled.caused, log.away = [JOINED], 2
    await consume(app, likes(1, 2), a_moment)
    assert handled.batches == [[1, 2]]
    assert [record.event async for record in log.read("users")] == [JOINED]


def poisoned(offset: int, kind: str) -> Any:
    likes_of = {
        "no-event": fetched(offset, b"\xff", topic="engagement", key=KEY),
        "nothing": fetched(offset, None, topic="engagement", key=KEY),
        "no-key": fetched(offset, encode(LIKED), topic="engagement", key=None),
        "other-key": fetched(offset, encode(LIKED), topic="engagement", key=b"1:0"),
        "other-topic": fetched(offset, topic="engagement", key=JOINED.key.encode()),
    }
    return likes_of[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no-event", b"JSON is malformed"),
        ("nothing", b"Input data was truncated"),
        ("no-key", b"the record's None"),
        ("other-key", b"the record's b'1:0'"),
        ("other-topic", b"an event of users in engagement"),
    ],
)
async def test_a_poison_record_is_buried_alone_and_the_rest_of_its_batch_goes_on(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog, kind: str, message: bytes
) -> None:
    log.away = 1
    [first], [last] = likes(1).message.value, likes(3).message.value
    await consume(app, delivered(first, poisoned(2, kind), last), a_moment)
    assert handled.batches == [[1, 3]]
    [(topic, _, _, story)] = log.raw
    assert (topic, dict(story)["dead_offset"]) == ("dead", b"2")
    assert message in dict(story)["dead_message"]
    assert committable(app) == [4]


async def test_a_batch_of_nothing_but_poison_is_buried_and_handed_to_nobody(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    await consume(app, delivered(poisoned(1, "no-event"), poisoned(2, "nothing")), a_moment)
    assert handled.batches == []
    assert len(log.raw) == 2
    assert committable(app) == [3]


async def test_what_breaks_a_handler_is_found_by_halves_held_and_buried_alone(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    handled.poison = {3}
    await consume(app, likes(1, 2, 3, 4), likes(5), a_moment)
    assert handled.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [3], [4], [5]]
    assert handled.slept_s == [1.0, 5.0]
    [(topic, _, _, story)] = log.raw
    assert (topic, dict(story)["dead_attempts"]) == ("dead", b"3")
    assert (dict(story)["dead_offset"], dict(story)["dead_message"]) == (b"3", b"a bug")
    assert committable(app) == [6]


async def test_a_glitch_is_held_in_place_so_that_nothing_later_is_counted_first(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    about = ("instastream_retries_total", {"app": "unit-batched", "topic": "engagement"})
    before = REGISTRY.get_sample_value(*about) or 0
    handled.troubles = [RuntimeError("a glitch"), RuntimeError("a glitch")]
    await consume(app, likes(1), likes(2), a_moment)
    assert handled.batches == [[1], [1], [1], [2]]
    assert REGISTRY.get_sample_value(*about) == before + 2
    assert log.raw == []
    assert committable(app) == [3]


async def test_all_events_of_a_batch_are_under_way_and_then_said_to_be_handled(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog, caplog: pytest.LogCaptureFixture
) -> None:
    async def look() -> None:
        await a_moment()
        assert app.in_flight() == 3
        handled.may_end.set()

    caplog.set_level(logging.INFO, logger="streams")
    handled.may_end.clear()
    await consume(app, likes(1, 2, 3), look)
    assert app.in_flight() == 0
    assert caplog.messages == ["handled 3 of engagement"]


async def test_a_stop_waits_for_what_is_under_way_and_begins_no_more(
    app: BatchApp, handled: HandledBatches, log: GrumpyLog
) -> None:
    handled.may_end.clear()
    stopping = asyncio.create_task(consume(app, likes(1), a_moment, likes(2)))
    await asyncio.sleep(0.03)
    assert not stopping.done()
    handled.may_end.set()
    await stopping
    assert handled.batches == [[1]]
    assert committable(app) == [2]
