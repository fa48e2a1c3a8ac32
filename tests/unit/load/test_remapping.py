"""Other ids: each of another, in the same order, in every field that has one."""

import json
import re
from itertools import pairwise
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unavailable, Unready
from instastream.events import (
    EVENTS,
    Event,
    FanoutPage,
    UserFollowed,
    decode,
    encode,
    headers,
    type_of,
)
from instastream.ids import WORKERS, PostId, UserId, compose, minted_ms
from instastream.load.into_topics.remapping import Remap, remap, shape_of, sound_event
from instastream.load.into_topics.tapes import Taped
from instastream.stores.memory import MemoryLeases
from tests.unit.load.worlds import BEGINS_MS, some

SCHEMAS = Path(__file__).parents[3] / "schemas"
NOW_MS = BEGINS_MS + 86_400_000
ID = re.compile(r'(?<=")([1-8][0-9]{18}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=")')

times_ms = st.integers(BEGINS_MS - 10**9, BEGINS_MS)
workers = st.integers(0, WORKERS - 1)
snowflakes = st.builds(
    lambda at_ms, worker, sequence: compose(at_ms=at_ms, worker=worker, sequence=sequence),
    times_ms,
    workers,
    st.integers(0, 4095),
)


def taped(event: Event, **other: bytes | str | None) -> Taped:
    """As it would stand in its topic."""
    fields = {"topic": event.topic, "key": event.key.encode(), "value": encode(event)} | other
    return Taped(partition=0, offset=0, at_ms=event.at_ms, headers=headers(event, ""), **fields)  # type: ignore[arg-type]


async def remap_of(events: list[Event]) -> Remap:
    """What makes them others, by leases of a system that was never used."""
    recording = [taped(event) for event in events]
    return await remap(recording, MemoryLeases(), now_ms=NOW_MS, random=Random(1))


@given(st.sets(snowflakes, min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_no_two_ids_become_one_and_none_changes_its_place_in_time(
    ids: set[str], random: Random
) -> None:
    old = sorted({int(one) // 4096 % WORKERS for one in ids})
    new = sorted(random.sample(range(WORKERS), len(old)))
    other = Remap(shift_ms=12_345, workers=dict(zip(old, new, strict=True)), mask=0)
    moved = [other.snowflake(one) for one in sorted(ids)]
    assert all(one < next_ for one, next_ in pairwise(moved))
    assert all(
        minted_ms(to) == minted_ms(from_) + 12_345
        for from_, to in zip(sorted(ids), moved, strict=True)
    )


@given(st.sets(st.uuids(version=4), min_size=2), st.integers(0, 2**128 - 1))
def test_no_two_media_become_one_and_each_stays_a_random_uuid(ids: set[UUID], mask: int) -> None:
    other = Remap(shift_ms=0, workers={}, mask=mask)
    moved = {other.media(str(one)) for one in ids}
    assert len(moved) == len(ids)
    assert all(UUID(one).version == 4 and str(UUID(one)) == one for one in moved)


@pytest.mark.parametrize("kind", EVENTS, ids=type_of)
def test_every_field_that_the_contract_calls_an_id_is_found(kind: type[Event]) -> None:
    contract = json.loads((SCHEMAS / f"{type_of(kind)}.json").read_text())

    def patterns(schema: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        match schema:
            case {"$ref": str(ref)}:
                return patterns(contract["$defs"][ref.rpartition("/")[2]], path)
            case {"pattern": _}:
                return {path}
            case {"properties": dict(fields)}:
                return {
                    one for name, inner in fields.items() for one in patterns(inner, (*path, name))
                }
            case {"anyOf": list(some)}:
                return {one for inner in some for one in patterns(inner, path)}
            case {"items": inner}:
                return patterns(inner, path)
        return set()

    def found(shape: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        if not isinstance(shape, dict):
            return {path}
        return {one for name, inner in shape.items() for one in found(inner, (*path, name))}

    unlike_ids = {("after",)} if kind is FanoutPage else set[tuple[str, ...]]()  # it may be ""
    assert patterns(contract) | unlike_ids == found(shape_of(kind))
    assert patterns(contract)


async def test_all_events_speak_of_others_and_of_the_same_others() -> None:
    events = some(5_000)
    other = await remap_of(events)
    became: dict[str, str] = {}
    for event in events:
        moved = other.event(event, encode(event))
        before, after = encode(event).decode(), moved.decode()
        for old, new in zip(ID.finditer(before), ID.finditer(after), strict=True):
            assert became.setdefault(old[0], new[0]) == new[0] != old[0]
        assert type(decode(moved)) is type(event)
        assert ID.sub("", before).replace(str(event.at_ms), "") == ID.sub("", after).replace(
            str(event.at_ms + other.shift_ms), ""
        )
    assert len(set(became.values())) == len(became)


async def test_what_is_moved_has_happened_right_before_now() -> None:
    events = some(1_000)
    other = await remap_of(events)
    moved = [decode(other.event(event, encode(event))) for event in events]
    assert max(event.at_ms for event in moved) == NOW_MS - 1
    spans = [events[-1].at_ms - events[0].at_ms, moved[-1].at_ms - moved[0].at_ms]
    assert spans[0] == spans[1]


async def test_nobody_else_mints_the_others() -> None:
    leases = MemoryLeases()
    used = await leases.acquire(now_ms=BEGINS_MS, until_ms=NOW_MS + 60_000)  # by an API
    other = await remap(
        [taped(event) for event in some(500)], leases, now_ms=NOW_MS, random=Random(1)
    )
    assert used.worker not in other.workers.values()
    for worker in other.workers.values():
        assert leases.ends_ms[worker] == NOW_MS


async def test_a_page_of_all_followers_stays_one() -> None:
    post, author = (compose(at_ms=BEGINS_MS, worker=1, sequence=n) for n in range(2))
    page = FanoutPage(
        post_id=PostId(post), author_id=UserId(author), bucket=3, after=UserId(""), at_ms=BEGINS_MS
    )
    moved = decode((await remap_of([page])).event(page, encode(page)))
    assert isinstance(moved, FanoutPage)
    assert (moved.after, moved.bucket) == ("", 3)


async def test_what_a_later_version_says_is_kept() -> None:
    [event] = some(1)
    value = json.dumps(json.loads(encode(event)) | {"added_later": [1]}).encode()
    moved = (await remap_of([event])).event(event, value)
    assert json.loads(moved)["added_later"] == [1]


async def test_a_recording_of_more_time_than_ids_have_is_refused() -> None:
    years = 1_700_000_000_000, 3_400_000_000_000
    early, late = (compose(at_ms=at_ms, worker=0, sequence=0) for at_ms in years)
    event = UserFollowed(follower_id=UserId(early), followee_id=UserId(late), at_ms=0)
    with pytest.raises(Unready, match=r"its ids are of 19675 days: too many to be moved"):
        await remap_of([event])


async def test_more_workers_than_are_free_are_not_to_be_had() -> None:
    recording = [taped(event) for event in some(10)]
    with pytest.raises(Unavailable, match="all 0 worker numbers"):
        await remap(recording, MemoryLeases(workers=0), now_ms=NOW_MS, random=Random(1))


def test_only_an_event_of_its_topic_under_its_key_is_sound() -> None:
    [event] = some(1)
    assert sound_event(taped(event)) == event
    assert sound_event(taped(event, topic="posts")) is None
    assert sound_event(taped(event, key=b"other")) is None
    assert sound_event(taped(event, key=None)) is None
    assert sound_event(taped(event, value=b"{}")) is None
    assert sound_event(taped(event, value=None)) is None
