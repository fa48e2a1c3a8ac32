"""What a handler fails at is put aside with all that is to be known of it, and handed back so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from instastream.errors import Unavailable
from instastream.events import UserJoined, encode
from instastream.letters import Death, Retry, origin_of, read
from instastream.retries import Policy
from streams.single import EventApp as App
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

REGISTRY = CollectorRegistry()


@pytest.fixture(scope="module")
def handled() -> Handled:
    return Handled()


@pytest.fixture(scope="module")
def app(handled: Handled) -> Iterator[App]:
    """One for all tests: its metrics are the registry's."""
    with pytest.MonkeyPatch.context() as patch:
        without_servers(patch, REGISTRY)
        yield App("unit", {UserJoined: handled}, in_flight=1)


@pytest.fixture
async def log(app: App, handled: Handled) -> AsyncIterator[GrumpyLog]:
    async with rested(app, handled) as log:
        yield log


async def test_what_breaks_a_handler_is_put_aside_and_the_next_is_handled(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    handled.answers = [RuntimeError("a bug"), []]
    log.away = 2
    first = fetched(7, headers=[("traceparent", None)])
    await consume(app, delivered(first, fetched(8)))
    assert handled.offsets == [7, 8]
    [(topic, key, value, headers)] = log.raw
    assert (topic, key, value) == ("retry.5s", b"k", encode(JOINED))
    assert dict(headers)["traceparent"] is None
    retry = read(Retry, headers)
    assert retry
    assert (retry.app, retry.topic, retry.offset, retry.epoch) == ("unit", "users", 7, 0)
    assert retry.attempts == 1
    assert 4_000 < retry.due_ms - app.deps.now_ms() <= 5_000
    assert [*app.progress.committable().values()] == [9]


async def test_what_was_put_aside_is_handled_as_it_stood(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    await app.begin_again(fetched(14, partition=3), RETRY)
    assert (handled.offsets, log.raw) == ([14], [])


async def test_what_fails_each_time_is_dead_with_its_whole_story_and_last_words(
    app: App, handled: Handled, log: GrumpyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_last_words", {UserJoined: lambda event, deps: [event]})
    handled.answers = [KeyError("a bug")]
    log.away = 1
    await app.begin_again(fetched(14, partition=3), RETRY)
    [(topic, _, value, headers)] = log.raw
    death = read(Death, headers)
    assert (topic, value) == ("dead", encode(JOINED))
    assert death
    assert origin_of(death) == origin_of(RETRY)
    assert (death.attempts, death.error, death.message) == (4, "KeyError", "'a bug'")
    assert "delivering.py" in death.stack
    assert [record.event async for record in log.read("users")] == [JOINED]


async def test_what_is_no_event_has_no_last_words(
    app: App, log: GrumpyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_last_words", {UserJoined: lambda event, deps: [event]})
    await consume(app, delivered(fetched(7, b"\xff")))
    assert [topic for topic, *_ in log.raw] == ["dead"]
    assert log.topics == {}


async def test_an_offset_of_a_topic_that_was_made_anew_since_is_used_no_more(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    for _ in range(2):
        await app.begin_again(fetched(14, partition=3), replace(RETRY, epoch=1))
    assert handled.offsets == []
    for topic, _, _, headers in log.raw:
        death = read(Death, headers)
        assert death
        assert (topic, death.error, death.epoch) == ("dead", "Corrupt", 1)
        assert "users was made anew since" in death.message


async def test_what_is_tried_again_takes_a_slot(app: App, handled: Handled, log: GrumpyLog) -> None:
    handled.may_end.clear()
    both = [asyncio.create_task(app.begin_again(fetched(n), RETRY)) for n in (14, 15)]
    await asyncio.sleep(0.01)
    assert handled.offsets == [14]
    handled.may_end.set()
    await asyncio.gather(*both)
    assert handled.offsets == [14, 15]


async def test_what_waits_for_a_store_shows(app: App, handled: Handled, log: GrumpyLog) -> None:
    held = partial(REGISTRY.get_sample_value, "instastream_held", {"app": "unit"})
    seen: list[float | None] = []

    async def look(wait_s: float) -> None:
        seen.append(held())

    app.deps = having(app.deps, sleep=look)
    handled.answers = [Unavailable("redis", "away")] * 3
    await consume(app, delivered(fetched(7)))
    assert seen == [1.0, 1.0]
    assert held() == 0.0


async def test_what_is_tried_again_and_what_dies_is_counted(
    app: App, handled: Handled, log: GrumpyLog
) -> None:
    names = ("instastream_retries_total", {"app": "unit", "topic": "users"})
    dead = ("instastream_dead_letters_total", {"app": "unit"})
    before = [REGISTRY.get_sample_value(*name) or 0 for name in (names, dead)]
    handled.answers = [KeyError("a bug"), KeyError("a bug")]
    await consume(app, delivered(fetched(7)))
    await app.begin_again(fetched(14), RETRY)
    after = [REGISTRY.get_sample_value(*name) or 0 for name in (names, dead)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]


async def test_what_is_put_aside_is_known_by_its_topic_in_whatever_namespace(
    app: App, handled: Handled, log: GrumpyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "settings", replace(app.settings, namespace="n"))
    handled.answers = [KeyError("a bug")]
    await consume(app, delivered(fetched(7, topic="n.users")))
    [(_, _, _, headers)] = log.raw
    retry = read(Retry, headers)
    assert retry
    assert (retry.topic, retry.partition, retry.timestamp_ms) == ("users", 0, 1_000)


async def test_what_is_held_is_tried_where_it_stands_and_what_goes_wrong_is_logged_with_its_place(
    app: App,
    handled: Handled,
    log: GrumpyLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slept_s: list[float] = []

    async def sleep(wait_s: float) -> None:
        slept_s.append(wait_s)

    app.deps = having(app.deps, sleep=sleep)
    monkeypatch.setattr(App, "policy", Policy(holds_s=(1.0, 5.0)))
    names = ("instastream_retries_total", {"app": "unit", "topic": "users"})
    before = REGISTRY.get_sample_value(*names) or 0
    bug, away = KeyError("a bug"), Unavailable("redis", "away")
    handled.answers = [bug, away, bug, bug]
    await consume(app, delivered(fetched(7, partition=3)))
    assert (handled.offsets, slept_s) == ([7] * 4, [1.0, 5.0])
    assert (REGISTRY.get_sample_value(*names) or 0) - before == 2
    lines = [line for line in caplog.records if line.name == "streams.trouble"]
    assert [line.getMessage() for line in lines] == [
        "held: 'a bug'",
        "redis is unavailable: away: trying again",
        "held: 'a bug'",
        "dead: 'a bug'",
    ]
    for line in (lines[0], lines[3]):
        assert line.exc_info
        assert line.exc_info[1] is bug
        about = vars(line)
        assert (about["topic"], about["partition"], about["offset"]) == ("users", 3, 7)
