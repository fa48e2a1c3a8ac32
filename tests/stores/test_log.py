"""The contract of EventLog."""

import asyncio

import pytest

from instastream.deps import Deps
from instastream.events import Event, Record, UserFollowed, UserJoined, encode
from instastream.ids import UserId
from instastream.limits import RECORD_BYTES_MAX, STORY_LENGTH_MAX
from tests.stores.conftest import new_id


async def test_what_was_appended_is_read_where_it_stands(deps: Deps, user: UserId) -> None:
    events = [
        UserFollowed(follower_id=user, followee_id=UserId(new_id()), at_ms=n) for n in range(20)
    ]
    appended = [await deps.log.append(event) for event in events]
    read = [record async for record in deps.log.read("graph")]
    assert [record for record in read if record in appended] == appended


async def test_events_of_one_key_share_a_partition_and_keep_their_order(
    deps: Deps, user: UserId
) -> None:
    event = UserFollowed(follower_id=user, followee_id=UserId(new_id()), at_ms=1)
    records: list[Record[UserFollowed]] = [await deps.log.append(event) for _ in range(3)]
    assert len({record.partition for record in records}) == 1
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))


async def keyed(deps: Deps, user: UserId, **asked: int) -> list[Record[Event]]:
    """What is read of a user's key."""
    read = deps.log.read_key("graph", user, **{"since_ms": 0} | asked)
    return [record async for record in read]


async def test_the_events_of_one_key_are_read_from_where_they_are(deps: Deps) -> None:
    users = [UserId(new_id()) for _ in range(9)]
    events = [
        UserFollowed(follower_id=user, followee_id=users[0], at_ms=n)
        for n in range(3)
        for user in users
    ]
    appended = [await deps.log.append(event) for event in events]
    for user in users:
        assert await keyed(deps, user) == [one for one in appended if one.event.key == user]
    assert await keyed(deps, UserId(new_id())) == []


async def test_of_a_key_only_what_is_new_and_among_the_latest_is_read(
    deps: Deps, user: UserId
) -> None:
    event = UserFollowed(follower_id=user, followee_id=user, at_ms=deps.now_ms())
    appended = [await deps.log.append(event) for _ in range(5)]
    assert await keyed(deps, user, records_max=2) == appended[3:]
    assert await keyed(deps, user, records_max=0) == []
    assert await keyed(deps, user, since_ms=event.at_ms - 60_000) == appended
    assert await keyed(deps, user, since_ms=event.at_ms + 600_000) == []


async def test_many_appends_at_once_all_arrive(deps: Deps) -> None:
    follower = UserId(new_id())
    events = [
        UserFollowed(follower_id=UserId(new_id()), followee_id=follower, at_ms=1)
        for _ in range(200)
    ]
    await asyncio.gather(*(deps.log.append(event) for event in events))
    read = [record.event async for record in deps.log.read("graph")]
    assert sum(1 for event in read if event in events) == 200


async def test_what_is_no_event_does_not_stop_a_reader(deps: Deps, user: UserId) -> None:
    event = UserFollowed(follower_id=user, followee_id=UserId(new_id()), at_ms=1)
    before = await deps.log.append(event)
    for value in (b"\xff\x00", b"{}", None, b'{"type":"\xff"}', b"[" * 200_000):
        await deps.log.append_raw("graph", key=user.encode(), value=value, headers=[])
    after = await deps.log.append(event)
    read = [record async for record in deps.log.read("graph")]
    assert [record for record in read if record.event == event] == [before, after]


async def test_an_event_is_read_only_in_its_topic_and_under_its_key(
    deps: Deps, user: UserId
) -> None:
    event = UserFollowed(follower_id=user, followee_id=UserId(new_id()), at_ms=1)
    joined = UserJoined(user_id=user, username="ada", at_ms=1)
    key = event.key.encode()
    await deps.log.append(event)
    await deps.log.append_raw("graph", key=key, value=encode(joined), headers=[])
    for wrong in (b"another", None):
        await deps.log.append_raw("graph", key=wrong, value=encode(event), headers=[])
    await deps.log.append_raw("graph", key=key, value=encode(event), headers=[])
    read = [record.event async for record in deps.log.read("graph")]
    assert [one for one in read if one in (event, joined)] == [event, event]
    assert [record.event for record in await keyed(deps, user)] == [event, event]


@pytest.mark.parametrize("key", [b"k", None])
@pytest.mark.parametrize("value", [b"\xff\x00", None, bytes(RECORD_BYTES_MAX + STORY_LENGTH_MAX)])
async def test_whatever_a_record_was_it_can_be_buried(
    deps: Deps, key: bytes | None, value: bytes | None
) -> None:
    await deps.log.append_raw("dead", key=key, value=value, headers=[("dead_topic", b"uploads")])


async def test_whatever_lies_in_a_topic_is_read_as_it_was_appended(deps: Deps) -> None:
    key, headers = new_id().encode(), [("a", b"header"), ("a", b"\xff")]
    values = [b"\xff\x00", None, b"{}"]
    for value in values:
        await deps.log.append_raw("dead", key=key, value=value, headers=headers)
    raws = [raw async for raw in deps.log.read_raw("dead") if raw.key == key]
    assert [raw.value for raw in raws] == values
    assert all(list(raw.headers) == headers for raw in raws)
    assert [raw.offset - raws[0].offset for raw in raws] == [0, 1, 2]
    assert {raw.partition for raw in raws} == {0}
