"""People who like and unlike all the time, what it comes to, and the worker that counts it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from random import Random
from secrets import token_hex

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import PostLiked, PostUnliked
from instastream.ids import LikeId, PostId, UserId
from instastream.limits import LIKE_SHARDS_PULLED
from instastream.settings import Settings
from instastream.stores.cassandra.session import open_session
from instastream.stores.redis import open_redis

GROUP = "engagement"
TOPICS = ("engagement", "comments")
TABLES = ("likes", "comment_ids", "post_counts", "comments")
PAUSE_S = 1.5  # between two likes of one person, on average
EVERYTHING = 1 << 62  # ids are below it


@dataclass
class Likers:
    """People with posts to like: one of them has many shards, and half of the likes."""

    deps: Deps
    users: list[UserId]
    posts: dict[str, int]  # shards
    like_ids: Iterator[int]  # minting them would need Cassandra
    liked: dict[tuple[str, str], bool] = field(default_factory=dict)
    events: int = 0

    @classmethod
    async def come(cls, deps: Deps, *, users: int, posts: int) -> "Likers":
        ids = [await deps.ids.mint() for _ in range(users + posts)]
        shards = dict.fromkeys(ids[users:], 1) | {ids[-1]: LIKE_SHARDS_PULLED}
        return cls(deps, [UserId(user) for user in ids[:users]], shards, count(int(ids[0])))

    async def go_on(self, stopped: asyncio.Event) -> None:
        """Each for themselves, however late what they did is counted."""
        await asyncio.gather(*(self._go_on(user, stopped) for user in self.users))

    async def _go_on(self, user: UserId, stopped: asyncio.Event) -> None:
        random = Random(user)
        *cold, hot = self.posts
        while not stopped.is_set():
            await asyncio.sleep(random.expovariate(1 / PAUSE_S))
            await self.toggle(user, random.choice([hot, random.choice(cold)]))

    async def toggle(self, user: UserId, post: str) -> None:
        """Like a post, or no longer."""
        post_id, shards, at_ms = PostId(post), self.posts[post], self.deps.now_ms()
        event: PostLiked | PostUnliked
        if self.liked.get((post, user)):
            event = PostUnliked(post_id=post_id, user_id=user, shards=shards, at_ms=at_ms)
        else:
            like_id = LikeId(str(next(self.like_ids)))
            event = PostLiked(
                post_id=post_id, user_id=user, shards=shards, at_ms=at_ms, like_id=like_id
            )
        await self.deps.log.append(event)
        self.liked[post, user] = isinstance(event, PostLiked)
        self.events += 1

    def expected(self) -> dict[str, set[str]]:
        """Who likes each post, by what they did."""
        return {
            post: {user for user in self.users if self.liked.get((post, user))}
            for post in self.posts
        }

    async def counted(self) -> dict[str, int]:
        """How many likes each post has, by its counter."""
        totals = await self.deps.likes.totals(self.posts)
        return {post: totals[post].count for post in self.posts}

    async def members(self) -> dict[str, set[str]]:
        """Who likes each post, by what is listed."""
        found = {}
        for post, shards in self.posts.items():
            listed = await self.deps.likes.newest(
                post, shards, before=EVERYTHING, limit=len(self.users) + 1
            )
            found[post] = {one.member for one in listed}
        return found

    async def all_counted(self) -> bool:
        """Whether the counters have come to what they did."""
        expected = {post: len(who) for post, who in self.expected().items()}
        with suppress(Unavailable):
            return await self.counted() == expected
        return False


async def digests(settings: Settings, deps: Deps, likers: Likers) -> dict[str, str]:
    """What every projection of likes and comments holds, row by row."""
    found = {}
    async with open_session(settings) as session:
        for table in TABLES:
            rows = await session.execute(f"SELECT * FROM {table}")
            found[table] = sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
    kept = await deps.counts.totals("likes", likers.posts)
    found["counts"] = repr(sorted(kept.items()))
    return found


async def drop(settings: Settings) -> None:
    """Every projection of likes and comments, and all that Redis holds for us."""
    async with open_session(settings) as session:
        for table in TABLES:
            await session.execute(f"TRUNCATE {settings.keyspace}.{table}")
    async with open_redis(settings) as redis:
        async for key in redis.scan_iter(match=f"{settings.prefix}*", count=1_000):
            await redis.delete(key)


@asynccontextmanager
async def _group(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=settings.prefix + GROUP,
        enable_auto_commit=False,
    )
    async with consumer:
        yield consumer


def _partitions(settings: Settings, count: int) -> list[TopicPartition]:
    return [TopicPartition(settings.prefix + topic, i) for topic in TOPICS for i in range(count)]


async def read_all_again(settings: Settings, *, partitions: int) -> None:
    """The worker, which is down, begins at the start of its topics."""
    async with _group(settings) as consumer:
        consumer.assign(_partitions(settings, partitions))
        await consumer.commit(dict.fromkeys(_partitions(settings, partitions), 0))


async def is_caught_up(settings: Settings, *, partitions: int) -> bool:
    """Whether the worker has committed everything that its topics hold."""
    async with _group(settings) as consumer:
        ends = await consumer.end_offsets(_partitions(settings, partitions))
        behind = [one for one, end in ends.items() if (await consumer.committed(one) or 0) < end]
    return not behind


async def forget_the_dead(settings: Settings) -> None:
    """What Kafka does by itself, six seconds after a worker was killed."""
    group = settings.prefix + GROUP
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
        await producer.start()
        [described] = await admin.describe_consumer_groups([group])
        for member_id, *_ in described.groups[0][5]:
            leave = LeaveGroupRequest(group, member_id)
            await producer.client.send(producer.client.get_random_node(), leave)
    finally:
        await producer.stop()
        await admin.close()


def unlike_anything() -> bytes:
    """The value of a poison record."""
    return b"\xff not an event " + token_hex(8).encode()
