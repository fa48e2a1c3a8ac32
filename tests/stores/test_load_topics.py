"""Streams, recordings and replays on a real Kafka: what goes in comes out, in its order."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from secrets import token_hex

import pytest
import pytest_asyncio
from msgspec.structs import replace

from infra.provision import create_topics
from instastream.counting import EPOCH_BITS
from instastream.deps import memory_deps
from instastream.errors import Corrupt, Rejected
from instastream.events import (
    Event,
    FollowApproved,
    FollowRequested,
    Record,
    UserFollowed,
    decode,
    encode,
    headers,
)
from instastream.handlers.engagement import ENGAGEMENT
from instastream.ids import Lease, Mint, UserId
from instastream.images.pool import RenderPool
from instastream.load.appending import Outgoing, appending
from instastream.load.inventing import StreamPlan
from instastream.load.pouring import Poured, pour
from instastream.load.recording import Range, Recorded, parse_range, record
from instastream.load.remapping import Remap, remap
from instastream.load.replaying import Replayed, replay
from instastream.load.streaming import TOPICS, Bounds, outgoing, stream_events
from instastream.load.tapes import Reader, Taped
from instastream.log import KafkaLog
from instastream.settings import Settings
from instastream.stores.epochs import NoEpochs
from instastream.stores.memory import MemoryLeases
from tests.conftest import IN_MEMORY
from tests.stores.conftest import BASE_MS, new_id

PLAN = StreamPlan(seed=3, users=50, posts=30, celebrities=2)
COUNT = 3_000
ALL = [Range(topic=topic) for topic in TOPICS]


def quiet(_: object) -> None:
    """Nobody watches."""


async def empty(settings: Settings) -> Settings:
    """A namespace of its own, with topics that nothing is in."""
    other = replace(settings, namespace=f"t{token_hex(4)}")
    await create_topics(other)
    return other


def mint() -> Mint:
    return Mint(Lease(5, BASE_MS, BASE_MS + 3_600_000))


async def stream(settings: Settings, plan: StreamPlan = PLAN, count: int = COUNT) -> Poured:
    async with appending(settings) as appender:
        return await stream_events(plan, Bounds(count=count), appender, mint(), report=quiet)


async def taped(settings: Settings, path: Path, ranges: Sequence[Range] = ALL) -> list[Taped]:
    """What is in some topics, by way of a recording."""
    await record(ranges, path, settings, report=quiet)
    return list(Reader(path))


async def replayed(
    path: Path, settings: Settings, *, other: Remap | None = None, speed: float | None = None
) -> Replayed:
    async with appending(settings) as appender:
        return await replay(
            Reader(path), appender, speed=speed, remap=other, epochs=NoEpochs(), report=quiet
        )


@pytest_asyncio.fixture(scope="module")
async def streamed(settings: Settings) -> Settings:
    """A namespace into which the plan was streamed."""
    fresh = await empty(settings)
    await stream(fresh)
    return fresh


def by_key(records: Sequence[Taped]) -> dict[tuple[str, bytes | None], list[Taped]]:
    """The records of each key, without where and when they stand."""
    keyed = defaultdict(list)
    for one in records:
        keyed[one.topic, one.key].append(replace(one, partition=0, offset=0, at_ms=0))
    return keyed


async def counted(settings: Settings) -> dict[str, tuple[int, int]]:
    """Of each post and comment, its likes and its comments or replies, by the real handlers."""
    subjects: dict[str, int] = {}
    async with memory_deps(IN_MEMORY, RenderPool()) as deps:
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            for topic in ENGAGEMENT:
                partitions = defaultdict[int, list[Record[Event]]](list)
                async for one in log.read(topic):
                    partitions[one.partition].append(one)
                    for name in ("post_id", "comment_id"):
                        subject = getattr(one.event, name, None)
                        if subject:
                            shards = getattr(one.event, "shards", 1)
                            subjects[subject] = max(subjects.get(subject, 1), shards)
                for records in partitions.values():
                    await ENGAGEMENT[topic](records, deps)
        likes = await deps.likes.totals(subjects)
        said = await deps.comment_ids.totals(dict.fromkeys(subjects, 1))
    return {one: (likes[one].count, said[one].count) for one in subjects}


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
    with pytest.raises(Rejected, match=r"there is no topic nowhere\.users"):
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
    with pytest.raises(Rejected, match=sentence.replace("?", r"\?")):
        await record([parse_range(asked)], tmp_path / "tape.jsonl", streamed, report=quiet)
    assert not (tmp_path / "tape.jsonl").exists()


async def test_a_replay_with_ids_kept_gives_the_same_records_and_counts(
    streamed: Settings, tmp_path: Path
) -> None:
    path, fresh = tmp_path / "tape.jsonl", await empty(streamed)
    recorded = await taped(streamed, path)
    done = await replayed(path, fresh)
    assert (done.poured.count, done.passed, done.missing) == (COUNT, 0, 0)
    again = await taped(fresh, tmp_path / "again.jsonl")
    assert by_key(again) == by_key(recorded)
    assert await counted(fresh) == await counted(streamed)


async def test_a_replay_with_other_ids_gives_others_the_same_counts(
    streamed: Settings, tmp_path: Path
) -> None:
    path, fresh = tmp_path / "tape.jsonl", await empty(streamed)
    recorded = await taped(streamed, path)
    now_ms = recorded[-1].at_ms
    other = await remap(Reader(path), MemoryLeases(), now_ms=now_ms, random=Random(4))
    await replayed(path, fresh, other=other)
    before, after = await counted(streamed), await counted(fresh)
    assert after == {other.snowflake(one): counts for one, counts in before.items()}
    assert not set(after) & set(before)
    for one in await taped(fresh, tmp_path / "again.jsonl"):
        assert dict(one.headers) == dict(headers(event := decode(one.value), "")) | {
            "traceparent": dict(recorded[0].headers)["traceparent"]
        }
        assert one.key == event.key.encode()


async def test_a_replay_takes_as_long_as_its_speed_says(streamed: Settings, tmp_path: Path) -> None:
    path, fresh = tmp_path / "tape.jsonl", await empty(streamed)
    recorded = await taped(streamed, path, [Range(topic="users")])
    span_s = (recorded[-1].at_ms - recorded[0].at_ms) / 1000
    done = await replayed(path, fresh, speed=span_s / 0.5)
    assert done.poured.took_s >= 0.5
    assert done.poured.count == len(recorded)


async def append_raw(settings: Settings, *some: tuple[bytes | None, bytes | None]) -> None:
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
        for key, value in some:
            await log.append_raw("posts", key=key, value=value, headers=[("why", b"\xff")])


async def test_what_holds_no_event_is_replayed_as_it_is(settings: Settings, tmp_path: Path) -> None:
    source, fresh, path = await empty(settings), await empty(settings), tmp_path / "tape.jsonl"
    followed = UserFollowed(follower_id=UserId(new_id()), followee_id=UserId(new_id()), at_ms=1)
    await append_raw(
        source, (b"k", b"\xff"), (b"k", b""), (None, b"{}"), (b"k", None), (b"k", encode(followed))
    )
    recorded = await taped(source, path, [Range(topic="posts")])
    other = await remap(Reader(path), MemoryLeases(), now_ms=BASE_MS, random=Random(4))
    done = await replayed(path, fresh, other=other)
    assert (done.passed, done.poured.count) == (5, 5)
    again = await taped(fresh, tmp_path / "again.jsonl", [Range(topic="posts")])
    assert by_key(again) == by_key(recorded)
    keyless = [one.partition for one in (*recorded, *again) if one.key is None]
    assert len(set(keyless)) == 1


async def test_an_answer_names_its_request_where_that_stands_now(
    settings: Settings, tmp_path: Path
) -> None:
    source, fresh, path = await empty(settings), await empty(settings), tmp_path / "tape.jsonl"
    asker, asked = UserId(new_id()), UserId(new_id())
    edge = {"follower_id": asker, "followee_id": asked, "at_ms": BASE_MS}
    async with KafkaLog(source.kafka, prefix=source.prefix) as log:
        for _ in range(4):
            request = await log.append(FollowRequested(**edge))  # type: ignore[arg-type]
        await log.append(FollowApproved(**edge, request=request.offset))  # type: ignore[arg-type]
        await log.append(FollowApproved(**edge, request=1))  # type: ignore[arg-type]
    partition = request.partition
    await record([parse_range(f"graph/{partition}:{request.offset}-")], path, source, report=quiet)
    await replayed(path, fresh)
    again = await taped(fresh, tmp_path / "again.jsonl", [Range(topic="graph")])
    first, second = [
        event for one in again if isinstance(event := decode(one.value), FollowApproved)
    ]
    assert first.request == 0 == next(one.offset for one in again)
    assert second.request >> EPOCH_BITS == 1  # of an epoch that is not: its request is not there


async def test_a_recording_that_was_cut_short_is_replayed_and_says_so(
    streamed: Settings, tmp_path: Path
) -> None:
    path, fresh = tmp_path / "tape.jsonl", await empty(streamed)
    recorded = await taped(streamed, path, [Range(topic="users")])
    path.write_bytes(path.read_bytes()[:-20])
    done = await replayed(path, fresh)
    assert (done.poured.count, done.missing) == (len(recorded) - 1, 1)


async def test_what_was_recorded_until_it_was_stopped_can_be_replayed(
    streamed: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "tape.jsonl"

    def stop(_: Recorded) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await record(ALL, path, streamed, report=stop)
    assert 0 < len(list(Reader(path))) < COUNT
