"""Poison on a topic goes to `dead` with its whole story, and stops nobody."""

from functools import partial

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from infra import local
from tests.cluster.conftest import System, eventually, photo, post

POISON = b"\xff\x00 not an event"


async def poison(system: System, topic: str) -> tuple[TopicPartition, int]:
    """Where it stands, and the offset after it."""
    producer = AIOKafkaProducer(bootstrap_servers=system.settings.kafka)
    await producer.start()
    for _ in range(3):
        last = await producer.send_and_wait(
            system.settings.prefix + topic, POISON, key=b"a key", headers=[("a", b"header")]
        )
    await producer.stop()
    return TopicPartition(last.topic, last.partition), last.offset + 1


async def dead_letters(system: System) -> list[dict[str, bytes]]:
    """The headers of our dead letters, with `key` among them."""
    consumer = AIOKafkaConsumer(
        system.settings.prefix + "dead",
        bootstrap_servers=system.settings.kafka,
        auto_offset_reset="earliest",
    )
    letters = []
    try:
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                letters += batch
    finally:
        await consumer.stop()  # also of one that was cancelled while it started
    return [dict(one.headers) | {"key": one.key or b""} for one in letters if one.value == POISON]


async def progress(system: System, poisoned: dict[str, tuple[TopicPartition, int]]) -> str:
    """What is dead, how far each worker has come where the poison stands, and who runs."""
    dead = {one["dead_topic"].decode() for one in await dead_letters(system)}
    lines = [f"dead: {sorted(dead)}, not dead: {sorted(set(poisoned) - dead)}"]
    states = {row.name: row.state for row in system.stack.status()}
    admin = AIOKafkaAdminClient(bootstrap_servers=system.settings.kafka)
    try:
        await admin.start()
        for worker in local.WORKERS:
            committed = await admin.list_consumer_group_offsets(system.settings.prefix + worker)
            offsets = {
                f"{topic}-{partition.partition}": f"{committed[partition].offset} of {end}"
                for topic, (partition, end) in poisoned.items()
                if partition in committed
            }
            lines.append(f"{worker} {states.get(worker)}, committed: {offsets}")
    finally:
        await admin.close()
    return "\n".join(lines)


async def test_poison_on_every_topic_is_buried_and_posts_go_on(system: System) -> None:
    topics = ("uploads", "media", "graph", "users", "fanout")
    poisoned = {topic: await poison(system, topic) for topic in topics}
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    posted = await post(author, photo())

    async def visible() -> bool:
        return [one["id"] for one in (await reader.feed())["posts"]] == [posted["id"]]

    await eventually(visible, "the post visible")

    async def buried() -> bool:
        return {one["dead_topic"].decode() for one in await dead_letters(system)} == set(topics)

    tell = partial(progress, system, poisoned)
    await eventually(buried, "every topic's poison dead", tell)
    for letter in await dead_letters(system):
        assert letter["key"] == b"a key"
        assert letter["a"] == b"header"
        assert letter["dead_error"] == b"Corrupt"
        assert letter["dead_attempts"] == b"1"
        assert int(letter["dead_offset"]) >= 0
        assert int(letter["dead_timestamp_ms"]) > 1_700_000_000_000
        assert b"decode" in letter["dead_stack"]
