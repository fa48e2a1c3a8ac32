"""Lag is what a group has not committed: in events, and by the age of the oldest of them."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from msgspec.structs import replace

from instastream.deps import now_ms
from instastream.events import UserFollowed
from instastream.ids import UserId
from instastream.lag import READ, TopicLag, lag_of_all, looking
from instastream.log import KafkaLog
from instastream.settings import Settings
from tests.stores.load_topics import empty

ONE = UserId("1571234567890123456")


async def lags(settings: Settings, *, later_ms: int = 0) -> dict[tuple[str, str], TopicLag]:
    found = await lag_of_all(settings, now_ms=now_ms() + later_ms)
    return {(one.app, one.topic): one for one in found}


async def commit(settings: Settings, group: str, place: TopicPartition, offset: int) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.prefix + group, enable_auto_commit=False
    )
    async with consumer:
        consumer.assign([place])
        await consumer.commit({place: offset})


async def expire(settings: Settings, place: TopicPartition, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def test_what_no_worker_has_done_yet_is_behind_and_gets_older(settings: Settings) -> None:
    other = await empty(settings)
    nothing = await lags(other)
    assert nothing.keys() == {(app, topic) for app, topics in READ.items() for topic in topics}
    assert {(one.events, one.seconds) for one in nothing.values()} == {(0, None)}

    followed = UserFollowed(follower_id=ONE, followee_id=ONE, at_ms=1)
    async with KafkaLog(other.kafka, prefix=other.prefix) as log:
        began_ms = now_ms()
        first, *_ = [await log.append(replace(followed, at_ms=n)) for n in range(3)]
        place = TopicPartition(other.prefix + "graph", first.partition)
        behind = await lags(other, later_ms=60_000)
        for app in ("graph", "feeds"):
            one = behind[app, "graph"]
            assert one.events == 3
            assert one.seconds is not None
            assert 60 <= one.seconds <= 60 + (now_ms() - began_ms) / 1000

        await commit(other, "graph", place, 2)
        [left] = (await lags(other))["graph", "graph"].partitions
        assert (left.partition, left.committed, left.end) == (first.partition, 2, 3)
        await commit(other, "graph", place, 3)
        done = await lags(other)
        assert (done["graph", "graph"].events, done["graph", "graph"].seconds) == (0, None)
        assert done["feeds", "graph"].events == 3, "each group is at its own place"


async def test_what_has_expired_is_nothing_that_is_left(settings: Settings) -> None:
    other = await empty(settings)
    followed = UserFollowed(follower_id=ONE, followee_id=ONE, at_ms=1)
    async with KafkaLog(other.kafka, prefix=other.prefix) as log:
        first, *_ = [await log.append(replace(followed, at_ms=n)) for n in range(3)]
    place = TopicPartition(other.prefix + "graph", first.partition)
    await commit(other, "graph", place, 1)
    for expired, left in ((2, 1), (3, 0)):
        await expire(other, place, expired)
        behind = await lags(other)
        assert [behind[app, "graph"].events for app in ("graph", "feeds")] == [left, left]


async def test_whoever_looks_again_sees_what_came_since(settings: Settings) -> None:
    other = await empty(settings)
    followed = UserFollowed(follower_id=ONE, followee_id=ONE, at_ms=1)
    async with looking(other) as look, KafkaLog(other.kafka, prefix=other.prefix) as log:
        assert await look() == []
        for came in (1, 2):
            record = await log.append(replace(followed, at_ms=came))
            found = {one.group.removeprefix(other.prefix): one for one in await look()}
            assert found.keys() == {"graph", "feeds"}
            assert found["graph"][2:] == (record.partition, 0, came)
