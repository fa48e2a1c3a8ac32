"""The contract of History."""

from contextlib import aclosing

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from instastream.deps import Deps
from instastream.events import Event, Record, UserFollowed
from instastream.ids import UserId
from instastream.stores.memory_history import MemoryHistory
from tests.stores.conftest import new_id

TOPIC = UserFollowed.topic
SLOW, FAST = "unit_slow", "unit_fast"
SOON_MS = 600_000


async def commit(deps: Deps, app: str, partition: int, offset: int) -> None:
    """An app has handled what comes before."""
    if isinstance(deps.history, MemoryHistory):
        deps.history.committed[app] = {partition: offset}
        return
    group = deps.settings.prefix + app
    async with AIOKafkaConsumer(
        bootstrap_servers=deps.settings.kafka, group_id=group, enable_auto_commit=False
    ) as consumer:
        place = TopicPartition(deps.settings.prefix + TOPIC, partition)
        consumer.assign([place])
        await consumer.commit({place: offset})


async def handled(
    deps: Deps, first: Record[Event], by: tuple[str, ...], *, soon_ms: int = SOON_MS
) -> tuple[list[Record[Event]], int | None]:
    """What is told of one partition from a record on, and the offset that comes next."""
    found: list[Record[Event]] = []
    comes_next = None
    until_ms = deps.now_ms() + soon_ms
    told = deps.history.handled(
        TOPIC, by=by, begins={first.partition: first.offset}, until_ms=until_ms
    )
    async with aclosing(told) as stretches:
        async for stretch in stretches:
            if stretch.partition == first.partition:
                found += stretch.records
                comes_next = stretch.next
    return found, comes_next


@pytest.fixture
def events(deps: Deps, user: UserId) -> list[UserFollowed]:
    return [
        UserFollowed(follower_id=user, followee_id=UserId(new_id()), at_ms=deps.now_ms())
        for _ in range(5)
    ]


async def test_what_every_app_has_handled_is_told_from_a_place_on(
    deps: Deps, events: list[UserFollowed]
) -> None:
    records: list[Record[Event]] = [await deps.log.append(event) for event in events]
    first = records[0]
    await commit(deps, SLOW, first.partition, records[2].offset)
    await commit(deps, FAST, first.partition, records[4].offset)
    assert await handled(deps, first, (SLOW, FAST)) == (records[:2], records[2].offset)
    assert await handled(deps, first, (FAST,)) == (records[:4], records[4].offset)
    assert await handled(deps, records[2], (SLOW, FAST)) == ([], None)


async def test_a_topic_that_was_made_anew_is_told_from_its_beginning(
    deps: Deps, events: list[UserFollowed]
) -> None:
    last = [await deps.log.append(event) for event in events][-1]
    await commit(deps, FAST, last.partition, last.offset + 1)
    for beyond in (1, 2):
        kept = Record(last.event, last.partition, last.offset + beyond)
        found, comes_next = await handled(deps, kept, (FAST,))
        assert (last in found) == (beyond == 2)
        assert comes_next == (last.offset + 1 if beyond == 2 else None)


async def test_what_is_young_is_not_told(deps: Deps, events: list[UserFollowed]) -> None:
    records: list[Record[Event]] = [await deps.log.append(event) for event in events]
    await commit(deps, FAST, records[0].partition, records[4].offset)
    assert await handled(deps, records[0], (FAST,), soon_ms=-SOON_MS) == ([], None)
