"""Poison on a topic goes to `dead` with its whole story, and stops nobody."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.cluster.conftest import System, eventually, photo, post

POISON = b"\xff\x00 not an event"


async def poison(system: System, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=system.settings.kafka)
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait(
            system.settings.prefix + topic, POISON, key=b"a key", headers=[("a", b"header")]
        )
    await producer.stop()


async def dead_letters(system: System) -> list[dict[str, bytes]]:
    """The headers of our dead letters, with `key` among them."""
    async with AIOKafkaConsumer(
        system.settings.prefix + "dead",
        bootstrap_servers=system.settings.kafka,
        auto_offset_reset="earliest",
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        letters = []
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                letters += batch
    return [dict(one.headers) | {"key": one.key or b""} for one in letters if one.value == POISON]


async def test_poison_on_every_topic_is_buried_and_posts_go_on(system: System) -> None:
    topics = ("uploads", "media", "graph", "users", "fanout")
    for topic in topics:
        await poison(system, topic)
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    posted = await post(author, photo())

    async def visible() -> bool:
        return [one["id"] for one in (await reader.feed())["posts"]] == [posted["id"]]

    await eventually(visible, "the post visible")

    async def buried() -> bool:
        return {one["dead_topic"].decode() for one in await dead_letters(system)} == set(topics)

    await eventually(buried, "every topic's poison dead")
    for letter in await dead_letters(system):
        assert letter["key"] == b"a key"
        assert letter["a"] == b"header"
        assert letter["dead_error"] == b"Corrupt"
        assert letter["dead_attempts"] == b"1"
        assert int(letter["dead_offset"]) >= 0
        assert int(letter["dead_timestamp_ms"]) > 1_700_000_000_000
        assert b"decode" in letter["dead_stack"]
