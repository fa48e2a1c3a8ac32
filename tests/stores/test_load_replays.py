"""A replay into a real Kafka: the same records, or those of others, and the same counts."""

from pathlib import Path
from random import Random

from instastream.counting import EPOCH_BITS
from instastream.events import (
    FollowApproved,
    FollowRequested,
    UserFollowed,
    decode,
    encode,
    headers,
)
from instastream.ids import UserId
from instastream.load.into_topics.recording import record
from instastream.load.into_topics.remapping import remap
from instastream.load.into_topics.tapes import Reader
from instastream.log import KafkaLog
from instastream.ranges import Range, parse_range
from instastream.settings import Settings
from instastream.stores.memory import MemoryLeases
from tests.stores.conftest import BASE_MS, new_id
from tests.stores.load_topics import COUNT, by_key, counted, empty, quiet, replayed, taped


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
