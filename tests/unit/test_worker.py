"""A worker begins no event that a rebalance made stale, waits for stores, puts the rest aside."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from instastream.errors import Unavailable, Unready
from instastream.events import UserJoined, encode
from instastream.progress import Behind
from streams.single import EventApp as App
from streams.worker import ExactConsumer, Partition
from tests.unit.delivering import (
    JOINED,
    RETRY,
    GrumpyLog,
    Handled,
    consume,
    delivered,
    fetched,
    having,
    rested,
    without_servers,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def event(offset: int, value: bytes | None = encode(JOINED), **other: Any) -> Any:
    generation_id = other.pop("generation_id", 1)
    return delivered(fetched(offset, value, **other), generation_id=generation_id)


@pytest.fixture(scope="module")
def handled() -> Handled:
    return Handled()


@pytest.fixture(scope="module")
def app(handled: Handled) -> Iterator[App]:
    """One for all tests: its metrics are the process's."""
    with pytest.MonkeyPatch.context() as patch:
        without_servers(patch)
        yield App("unit", {UserJoined: handled}, in_flight=1)


@pytest.fixture
async def log(app: App, handled: Handled) -> AsyncIterator[GrumpyLog]:
    async with rested(app, handled) as log:
        yield log


async def test_what_is_done_can_be_committed(app: App, handled: Handled, log: GrumpyLog) -> None:
    await consume(app, event(7), event(8))
    assert handled.offsets == [7, 8]
    assert [*app.progress.committable().values()] == [9]


async def test_an_event_that_waited_while_partitions_moved_is_not_begun(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    handled.may_end.clear()

    async def rebalance() -> None:
        """While the only slot is taken and the next event waits for it."""

        async def later() -> None:
            await asyncio.sleep(0.01)
            app.consumer_generation_id = 2
            app._restart_progress()
            handled.may_end.set()

        moving.append(asyncio.create_task(later()))

    moving: list[asyncio.Task[None]] = []
    await consume(app, event(7), rebalance, event(8), event(7, generation_id=2))
    assert handled.offsets == [7, 7]
    assert [*app.progress.committable().values()] == [8]


async def test_what_is_read_again_is_handled_again_and_stops_nobody(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    await consume(app, event(7), event(8), event(8), event(6), event(9))
    assert handled.offsets == [7, 8, 8, 6, 9]
    assert [*app.progress.committable().values()] == [10]


@pytest.mark.parametrize("trouble", [Unavailable("redis", "away"), Unready("made anew")])
async def test_an_event_is_held_in_place_while_it_can_not_be_handled(
    app: App, handled: Handled, log: GrumpyLog, trouble: Exception
) -> None:
    handled.answers = [trouble, trouble, []]
    await consume(app, event(7))
    assert handled.offsets == [7, 7, 7]
    assert log.raw == []
    assert [*app.progress.committable().values()] == [8]


async def test_what_it_caused_is_appended_without_doing_it_again(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    handled.answers = [[JOINED, JOINED]]
    log.away = 3
    await consume(app, event(7))
    assert handled.offsets == [7]
    assert [record.event async for record in log.read("users")] == [JOINED, JOINED]


@pytest.mark.parametrize(
    ("value", "headers", "error"),
    [
        (b"\xff not an event", [], b"Corrupt"),
        (None, None, b"Corrupt"),
        (b'{"type":"%s"}' % (b"x" * 300_000), [("a", b"header")], b"Corrupt"),
        (b"[" * 200_000, [], b"Corrupt"),
    ],
    ids=["bytes", "nothing", "long", "deep"],
)
async def test_what_is_no_event_is_buried_with_a_story_of_bounded_length(
    app: App, log: GrumpyLog, value: bytes | None, headers: Any, error: bytes
) -> None:
    log.away = 2
    await consume(app, event(7, value, headers=headers))
    [(topic, key, buried, story)] = log.raw
    assert (topic, key, buried) == ("dead", b"k", value)
    assert dict(story)["dead_error"] == error
    assert sum(len(text) for _, text in story) < 20_000
    assert [*app.progress.committable().values()] == [8]


class MadeAnew:
    """Epochs of topics, some of which are others by now."""

    def __init__(self, troubles: dict[str, Exception]) -> None:
        self.troubles = troubles

    async def confirm(self, topic: str) -> None:
        if topic in self.troubles:
            raise self.troubles[topic]


@pytest.mark.parametrize("trouble", [Unready("made anew"), Unavailable("kafka", "away")])
async def test_nothing_is_committed_of_a_topic_that_is_not_what_it_was(
    app: App, log: GrumpyLog, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    committed: list[dict[Partition, int]] = []

    async def commit(self: object, offsets: dict[Partition, int], new: bool) -> bool:
        committed.append(offsets)
        return True

    monkeypatch.setattr(ExactConsumer.__base__, "_commit_offsets", commit)
    consumer = ExactConsumer.__new__(ExactConsumer)
    consumer.app = app
    users, uploads = Partition("users", 0), Partition("uploads", 0)  # of which one has epochs
    for troubles in ({"users": trouble, "uploads": trouble}, {}):
        app.deps = having(app.deps, epochs=MadeAnew(troubles))
        await consumer._commit_offsets({users: 5, uploads: 7})
    assert committed == [{uploads: 7}, {users: 5, uploads: 7}]


async def test_a_chore_that_fails_is_left_for_the_next_time(app: App, log: GrumpyLog) -> None:
    done: list[object] = []

    async def chore(deps: object) -> None:
        done.append(deps)
        raise Unavailable("cassandra", "away")

    for _ in range(2):
        await app._do(chore, app.metrics.chore_failures("chore"))
    assert done == [app.deps, app.deps]


async def test_what_is_done_about_an_event_is_said_under_the_trace_that_led_to_it(
    app: App, handled: Handled, log: GrumpyLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="streams")
    traceparent = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]
    handled.answers = [[], RuntimeError("a bug")]
    await consume(app, event(7, headers=traceparent), event(8, headers=traceparent), event(9))
    said = [(one.getMessage(), vars(one).get("trace_id")) for one in caplog.records]
    assert said == [
        ("handled user.joined.v1", TRACE),
        ("retry.5s: a bug", TRACE),
        ("handled user.joined.v1", None),
    ]
    [first, *_] = caplog.records
    assert (vars(first)["topic"], vars(first)["partition"], vars(first)["offset"]) == (
        "users",
        0,
        7,
    )


async def test_what_is_under_way_is_told(app: App, handled: Handled, log: GrumpyLog) -> None:
    async def look() -> None:
        await asyncio.sleep(0.01)
        told.append(app.in_flight())
        handled.may_end.set()

    told: list[int] = []
    handled.may_end.clear()
    await consume(app, event(7), look)
    assert [*told, app.in_flight()] == [1, 0]


async def test_so_is_what_is_tried_again(app: App, handled: Handled, log: GrumpyLog) -> None:
    handled.may_end.clear()
    again = asyncio.create_task(app.begin_again(fetched(7), RETRY))
    await asyncio.sleep(0.01)
    assert app.in_flight() == 1
    handled.may_end.set()
    await again
    assert app.in_flight() == 0


async def test_work_knows_nothing_of_the_work_that_began_it(app: App, log: GrumpyLog) -> None:
    keyspace = ContextVar("keyspace", default="")
    found: list[str] = []

    async def work(*following: Callable[[], Coroutine[Any, Any, None]]) -> None:
        found.append(keyspace.get())
        keyspace.set("pinned")
        for one in following:
            await app.run(one())

    await app.run(work(work))
    assert found == ["", ""]


async def test_what_is_fetched_and_waits_is_known_by_when_it_was_appended(
    app: App, log: GrumpyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Partition("users", 0)

    async def wait(self: object, timeout: float) -> Any:
        return {place: [fetched(7), fetched(8)]}, {place}

    monkeypatch.setattr(ExactConsumer.__base__, "_wait_next_records", wait)
    consumer = ExactConsumer.__new__(ExactConsumer)
    consumer.app = app
    await consumer._wait_next_records(1.0)
    assert app.progress.behind({place: 9}, {place: 7}) == {place: Behind(2, 1_000)}


async def test_a_chore_that_fails_is_counted(app: App, log: GrumpyLog) -> None:
    async def sweep(deps: object) -> None:
        raise Unavailable("cassandra", "away")

    failures = app.metrics.chore_failures("sweep")
    await app._do(sweep, failures)
    assert failures._value.get() == 1
