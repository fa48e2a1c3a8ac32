"""A topic that is made anew, or has other partitions, is refused until someone says so."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from infra import provision as provisioning
from infra.provision import Topic, create_topics, provision, record_epochs
from instastream.counting import version_of
from instastream.deps import Deps, now_ms, open_deps
from instastream.errors import Unavailable, Unready
from instastream.events import (
    Event,
    PostLiked,
    PostUnliked,
    ProfileChanged,
    Record,
    UserJoined,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.handlers.engagement import count_likes
from instastream.handlers.graph import record_changed, record_edge, record_joined, record_wall
from instastream.ids import LikeId, PostId, UserId
from instastream.log import KafkaLog
from instastream.settings import Settings
from instastream.stores.cassandra.epochs import CHECKED_FOR_MS, CassandraEpochs
from instastream.stores.cassandra.session import open_session
from instastream.stores.counters import Place
from tests.cluster.conftest import eventually
from tests.stores.conftest import new_id

TOPIC, PARTITIONS = "engagement", 3
MADE_ANEW = "topic engagement was made anew since epoch 0 began.* raise its `epoch`"
REPARTITIONED = "topic engagement has 4 partitions, not 3 since epoch 0 began.* make the topic anew"

FORGET = "DELETE FROM log_epochs WHERE topic = ? IF EXISTS"


class Clock:
    """What a process takes for the time."""

    def __init__(self) -> None:
        self.ms = now_ms()

    def __call__(self) -> int:
        return self.ms


@pytest.fixture(scope="module")
async def apart(settings: Settings) -> Settings:
    """A namespace whose topics are this module's to delete."""
    apart = msgspec.structs.replace(settings, namespace=f"e{token_hex(4)}")
    await provision(apart)
    return apart


@pytest.fixture
async def counted(apart: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A new topic, of the first epoch."""
    async with open_session(apart) as session:
        await session.execute_once(FORGET, TOPIC)
    await make_anew(apart)
    say(monkeypatch, epoch=0)
    await record_epochs(apart)
    return apart


def say(monkeypatch: pytest.MonkeyPatch, *, epoch: int, partitions: int = PARTITIONS) -> None:
    """What topics.toml says from now on."""
    told = {TOPIC: Topic(partitions=partitions, epoch=epoch), "dead": Topic(partitions=1)}
    monkeypatch.setattr(provisioning, "topics", lambda: told)


@asynccontextmanager
async def open_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Until what is done to the topic is known."""
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
        before = await log.life(TOPIC)

        async def known() -> bool:
            with suppress(Unavailable):
                return await log.life(TOPIC) != before
            return False

        await admin.start()
        try:
            yield admin
            await eventually(known, "the topic changed")
        finally:
            await admin.close()


async def make_anew(settings: Settings, *, partitions: int = PARTITIONS) -> None:
    """Delete the topic, and make another of its name."""
    name = settings.prefix + TOPIC
    new = provisioning._new_topic(name, Topic(partitions=partitions), settings.replication)
    async with open_admin(settings) as admin:
        await admin.delete_topics([name])

        async def made() -> bool:
            response = await admin.create_topics([new])
            return not any(code for _, code, _ in response.topic_errors)

        await eventually(made, "the topic deleted and made")


async def repartition(settings: Settings, *, partitions: int) -> None:
    """Give the topic more partitions."""
    async with open_admin(settings) as admin:
        await admin.create_partitions({settings.prefix + TOPIC: NewPartitions(partitions)})


async def epoch_of_a_new_process(settings: Settings) -> int:
    async with open_deps(settings) as deps:
        return await deps.epochs.of(TOPIC)


async def test_a_topic_that_stays_has_its_epoch_however_often_it_is_provisioned(
    counted: Settings,
) -> None:
    for _ in range(2):
        await record_epochs(counted)
    assert await epoch_of_a_new_process(counted) == 0


async def test_a_topic_that_is_made_anew_is_refused_until_its_epoch_is_raised(
    counted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_anew(counted)
    with pytest.raises(Unready, match=MADE_ANEW):
        await record_epochs(counted)
    with pytest.raises(Unready, match=MADE_ANEW):
        await epoch_of_a_new_process(counted)
    say(monkeypatch, epoch=1)
    await record_epochs(counted)
    assert await epoch_of_a_new_process(counted) == 1


async def test_a_topic_that_partitions_were_added_to_is_refused_until_it_is_made_anew(
    counted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await repartition(counted, partitions=4)
    with pytest.raises(Unready, match=r"has 4 partitions and topics\.toml says 3"):
        await create_topics(counted)
    say(monkeypatch, epoch=0, partitions=4)
    with pytest.raises(Unready, match=REPARTITIONED):
        await record_epochs(counted)
    with pytest.raises(Unready, match=REPARTITIONED):
        await epoch_of_a_new_process(counted)
    say(monkeypatch, epoch=1, partitions=4)
    with pytest.raises(Unready, match=REPARTITIONED):
        await record_epochs(counted)
    await make_anew(counted, partitions=4)
    await create_topics(counted)
    await record_epochs(counted)
    assert await epoch_of_a_new_process(counted) == 1


async def test_an_epoch_that_is_lowered_is_refused(
    counted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, epoch=2)
    await record_epochs(counted)
    say(monkeypatch, epoch=1)
    with pytest.raises(Unready, match="epoch 1 of topic engagement and 2 is recorded"):
        await record_epochs(counted)


async def test_a_topic_without_a_recorded_epoch_is_refused(counted: Settings) -> None:
    async with open_session(counted) as session:
        await session.execute_once(FORGET, TOPIC)
    with pytest.raises(Unready, match="no epoch of topic engagement is recorded"):
        await epoch_of_a_new_process(counted)


async def test_a_process_notices_what_becomes_of_its_topic_and_keeps_to_its_epoch(
    counted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with (
        open_session(counted) as session,
        KafkaLog(counted.kafka, prefix=counted.prefix) as log,
    ):
        epochs = CassandraEpochs(session, log.life, clock)
        assert await epochs.of(TOPIC) == 0
        await epochs.confirm(TOPIC)
        await make_anew(counted)
        with pytest.raises(Unready, match=MADE_ANEW):
            await epochs.confirm(TOPIC)
        clock.ms += CHECKED_FOR_MS
        with pytest.raises(Unready, match=MADE_ANEW):
            await epochs.of(TOPIC)
        say(monkeypatch, epoch=1)
        await record_epochs(counted)
        with pytest.raises(Unready, match="start this process again"):
            await epochs.of(TOPIC)


PUBLIC = "UPDATE users USING TIMESTAMP 5 SET private = false WHERE user_id = ?"
MUTES = "UPDATE walls USING TIMESTAMP 5 SET mutes = true WHERE user_id = ? AND other_id = ?"
FOLLOWS = """UPDATE following USING TIMESTAMP 15 SET state = 'follows'
    WHERE follower_id = ? AND followee_id = ?"""


@pytest.mark.parametrize(("offset", "stays"), [(4, True), (6, False)])
async def test_what_was_written_before_a_topic_had_epochs_was_said_in_the_first(
    settings: Settings, offset: int, stays: bool
) -> None:
    """All of it by what stood at offset 5."""
    one, other = UserId(new_id()), UserId(new_id())
    both = int(one), int(other)
    async with open_session(settings) as session, open_deps(settings) as deps:
        await record_joined(Record(UserJoined(user_id=one, username="x", at_ms=1), 0, 0), deps)
        for cql, key in ((PUBLIC, both[:1]), (MUTES, both), (FOLLOWS, both)):
            await session.execute(cql, *key)
        private = ProfileChanged(user_id=one, private=True, at_ms=1)
        await record_changed(Record(private, 0, offset), deps)
        unmuted = UserUnmuted(muter_id=one, muted_id=other, at_ms=1)
        await record_wall(Record(unmuted, 0, offset), deps)
        unfollowed = UserUnfollowed(follower_id=one, followee_id=other, at_ms=1)
        await record_edge(Record(unfollowed, 0, offset), deps)
        user, relations = await deps.users.get(one), await deps.graph.relations(one)
    assert user
    stay = (not user.private, other in relations.mutes, other in relations.following)
    assert stay == (stays,) * 3


USERS = [UserId(new_id()) for _ in range(20)]
POST = PostId(new_id())


def liked(user_id: UserId) -> PostLiked:
    return PostLiked(post_id=POST, user_id=user_id, like_id=LikeId(new_id()), at_ms=1)


def unliked(user_id: UserId) -> PostUnliked:
    return PostUnliked(post_id=POST, user_id=user_id, at_ms=1)


async def count_all(deps: Deps) -> list[Record[Event]]:
    """What the worker does with the whole topic; returns it."""
    records = [record async for record in deps.log.read(TOPIC)]
    by_partition: dict[int, list[Record[Any]]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    for some in by_partition.values():
        await count_likes(some, deps)
    return records


async def members(deps: Deps) -> Mapping[str, bool]:
    """Who of our users is counted."""
    return {user: bool((await deps.likes.shard(Place(POST), user))[1]) for user in USERS}


async def test_what_is_appended_to_a_topic_made_anew_is_counted_on_exactly(
    counted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_deps(counted) as deps:
        facts = [liked(user) for user in USERS] + [unliked(user) for user in USERS[:5]]
        for fact in [*facts, *facts]:  # the old topic is the longer one
            await deps.log.append(fact)
        await count_all(deps)
        before, _ = await deps.likes.shard(Place(POST), USERS[0])
        assert before.count == 15
    await make_anew(counted)
    say(monkeypatch, epoch=1)
    await record_epochs(counted)
    async with open_deps(counted) as deps:
        for fact in [*facts, unliked(USERS[-1]), liked(USERS[0])]:
            await deps.log.append(fact)
        records = await count_all(deps)
        after, _ = await deps.likes.shard(Place(POST), USERS[0])
        assert after.version == version_of(epoch=1, offset=records[-1].offset) > before.version
        expected = {user: user in {USERS[0], *USERS[5:-1]} for user in USERS}
        assert await members(deps) == expected
        assert (await deps.likes.totals({POST: 1}))[POST].count == after.count == 15
