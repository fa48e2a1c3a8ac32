"""What counts likes otherwise: a bare consumer, Cassandra's COUNTER, a batch for each like."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer

from instastream.counting import Mark, Shard, fold
from instastream.settings import Settings
from instastream.stores.cassandra.counters import CassandraCounters
from instastream.stores.cassandra.session import Session
from instastream.stores.counters import Place

CREATE = "CREATE TABLE IF NOT EXISTS {}.counted (post_id bigint PRIMARY KEY, likes counter)"
COUNT = "UPDATE counted SET likes = likes + 1 WHERE post_id = ?"


async def consume(settings: Settings, topic: str) -> int:
    """Every record of a topic, by aiokafka, and nothing done with it; returns how many."""
    consumer = AIOKafkaConsumer(
        settings.prefix + topic, bootstrap_servers=settings.kafka, auto_offset_reset="earliest"
    )
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        read = 0
        while read < sum(ends.values()):
            read += sum(map(len, (await consumer.getmany(timeout_ms=500)).values()))
    return read


async def count_by_counter(session: Session, posts: Sequence[str]) -> None:
    """One update a like: it counts twice what is sent twice."""
    await asyncio.gather(*(session.execute(COUNT, int(post), idempotent=False) for post in posts))


async def write_alone(session: Session, posts: Sequence[str]) -> None:
    """The batch of each like by itself, all to partitions of their own, nothing read before."""
    counters = CassandraCounters(session, "likes")
    likes = [Mark(member=post, place=int(post), version=1, at_ms=1) for post in posts]
    alone = [fold(Shard(), {}, [like], for_good=False) for like in likes]
    batches = [
        list(counters.statements(Place(post, 1), folded))
        for post, folded in zip(posts, alone, strict=True)
        if folded
    ]
    await asyncio.gather(*map(session.execute_together, batches))
