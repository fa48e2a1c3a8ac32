"""What is streamed into a real Kafka is there in its order, and recorded as it is there."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from instastream.errors import Corrupt, Unready
from instastream.events import (
    Event,
    decode,
)
from instastream.load.into_topics.appending import Outgoing, appending
from instastream.load.into_topics.pouring import Poured, pour
from instastream.load.into_topics.recording import Recorded, record
from instastream.load.into_topics.streaming import TOPICS, Bounds, outgoing, stream_events
from instastream.load.into_topics.tapes import Reader
from instastream.log import KafkaLog
from instastream.ranges import parse_range
from instastream.settings import Settings
from tests.stores.load_topics import (
    ALL,
    COUNT,
    PLAN,
    empty,
    mint,
    quiet,
    stream,
    taped,
)


async def test_every_event_that_was_streamed_is_in_the_log_in_order(streamed: Settings) -> None:
    expected = defaultdict[tuple[str, str], list[Event]](list)
    for one in outgoing(PLAN, Bounds(count=COUNT), mint()):
        event = decode(one.value)
        expected[event.topic, event.key].append(event)
    read = defaultdict[tuple[str, str], list[Event]](list)
    async with KafkaLog(streamed.kafka, prefix=streamed.prefix) as log:
        for topic in TOPICS:
            async for record_ in log.read(topic):
                read[topic, record_.event.key].append(record_.event)
    assert read == expected
    assert sum(map(len, read.values())) == COUNT


async def test_what_is_streamed_stands_where_the_log_would_append_it(streamed: Settings) -> None:
    found = 0
    async with KafkaLog(streamed.kafka, prefix=streamed.prefix) as log:
        async for record_ in log.read("users"):
            of_key = log.read_key("users", record_.event.key, since_ms=0)
            found += len([one async for one in of_key])
    assert found >= PLAN.users


async def test_a_stream_says_what_is_acknowledged(settings: Settings) -> None:
    fresh, heard = await empty(settings), list[Poured]()
    async with appending(fresh) as appender:
        bounds = Bounds(count=500, per_s=2_000)
        result = await stream_events(PLAN, bounds, appender, mint(), report=heard.append)
    assert result.count == 500 == heard[-1].count
    assert result.size_bytes > 500 * 150


async def test_poison_is_streamed_among_events(settings: Settings, tmp_path: Path) -> None:
    fresh = await empty(settings)
    await stream(fresh, replace(PLAN, poison_share=0.2), 1_000)
    spoiled = 0
    for one in await taped(fresh, tmp_path / "tape.jsonl"):
        try:
            decode(one.value)
        except Corrupt:
            spoiled += 1
    assert 140 < spoiled < 260


async def test_a_topic_that_is_not_there_is_named(settings: Settings) -> None:
    nowhere = replace(settings, namespace="nowhere")
    with pytest.raises(Unready, match=r"there is no topic nowhere\.users"):
        await stream(nowhere)


async def test_a_record_that_is_larger_than_a_batch_is_sent_and_one_too_large_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    fresh = await empty(settings)

    async def send(size: int) -> None:
        async def slices() -> AsyncIterator[Sequence[Outgoing]]:
            yield [Outgoing(topic="posts", key=b"k", value=bytes(size), headers=[]) for _ in "ab"]

        async with appending(fresh) as appender:
            await appender.know(["posts"])
            await pour(slices(), appender, quiet)

    await send(500_000)
    assert len(await taped(fresh, tmp_path / "tape.jsonl")) == 2
    with pytest.raises(Corrupt):
        await send(1_500_000)


async def test_a_recording_is_all_that_is_in_some_topics_in_order_of_time(
    streamed: Settings, tmp_path: Path
) -> None:
    heard = list[Recorded]()
    path = tmp_path / "tape.jsonl"
    done = await record(ALL, path, streamed, report=heard.append)
    assert (done.count, done.of) == (COUNT, COUNT) == (heard[-1].count, heard[-1].of)
    assert done.size_bytes == path.stat().st_size
    records = list(Reader(path))
    assert [one.at_ms for one in records] == sorted(one.at_ms for one in records)
    places = defaultdict[tuple[str, int], list[int]](list)
    for one in records:
        places[one.topic, one.partition].append(one.offset)
    assert all(offsets == list(range(len(offsets))) for offsets in places.values())
    assert {topic for topic, _ in places} == set(TOPICS)


async def test_part_of_a_topic_is_recorded(streamed: Settings, tmp_path: Path) -> None:
    [*every] = await taped(streamed, tmp_path / "all.jsonl", [parse_range("engagement/2")])
    [*some] = await taped(streamed, tmp_path / "some.jsonl", [parse_range("engagement/2:3-9")])
    assert some == every[3:9]
    middle = every[len(every) // 2].at_ms
    for times, expected in (
        ({"since_ms": middle}, [one for one in every if one.at_ms >= middle]),
        ({"until_ms": middle}, [one for one in every if one.at_ms < middle]),
    ):
        path = tmp_path / f"{[*times]}.jsonl"
        await record([parse_range("engagement/2")], path, streamed, **times, report=quiet)
        assert list(Reader(path)) == expected


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("postss", "there is no topic postss: did you mean posts?"),
        ("posts/99", "posts has no partition 99"),
        ("users/0:0-999999", r"users/0 has offsets 0 to \d+: not 999999"),
        ("users/0:888888-", r"users/0 has offsets 0 to \d+: not 888888"),
    ],
)
async def test_a_range_that_is_not_there_is_refused(
    streamed: Settings, tmp_path: Path, asked: str, sentence: str
) -> None:
    with pytest.raises(Unready, match=sentence.replace("?", r"\?")):
        await record([parse_range(asked)], tmp_path / "tape.jsonl", streamed, report=quiet)
    assert not (tmp_path / "tape.jsonl").exists()


async def test_what_was_recorded_until_it_was_stopped_can_be_replayed(
    streamed: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "tape.jsonl"

    def stop(_: Recorded) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await record(ALL, path, streamed, report=stop)
    assert 0 < len(list(Reader(path))) < COUNT
