"""An author becomes a celebrity and stops being one, under posts and reads: nobody notices."""

import asyncio

from bench.followers import add_followers, many_ids
from instastream.deps import now_ms
from instastream.events import MediaReady
from instastream.ids import UserId
from instastream.log import KafkaLog
from instastream.stores.cassandra.session import open_session
from tests.cluster.conftest import System
from tests.cluster.watching import Watching, finalized, whole
from tests.conftest import PULL_FROM, PUSH_BELOW

READERS, CROSSINGS, POSTS = 4, 4, 3


async def test_crossing_the_threshold_both_ways_loses_and_repeats_nothing(system: System) -> None:
    author = await system.join("author")
    stayed = [UserId(one) for one in many_ids(PUSH_BELOW - 1 - READERS, at_ms=now_ms())]
    async with open_session(system.settings) as session:
        await add_followers(session, UserId(author.user_id), stayed)
    readers = [Watching(await system.join(f"reader{n}"), stays=True) for n in range(READERS)]
    for one in readers:
        await one.reader.follow(author.user_id)
    fans = [await system.join(f"fan{n}") for n in range(PULL_FROM - PUSH_BELOW + 1)]
    watching = [asyncio.create_task(one.watch()) for one in readers]
    expected: list[str] = []
    for crossing in range(CROSSINGS):
        method = "DELETE" if crossing % 2 else "PUT"
        follow = f"/v1/users/{author.user_id}/follow"
        posting = [asyncio.create_task(finalized(author)) for _ in range(POSTS)]
        await asyncio.gather(*(fan.call(method, follow) for fan in fans))
        expected += [*await asyncio.gather(*posting), await finalized(author)]
    await whole(readers, watching, sorted(expected, reverse=True))
    async with KafkaLog(system.settings.kafka, prefix=system.settings.prefix) as log:
        records = [record.event async for record in log.read("media")]
    stamps: dict[str, str] = {
        event.post_id: event.fanout
        for event in records
        if isinstance(event, MediaReady) and event.author_id == author.user_id
    }
    last_of_each = expected[POSTS :: POSTS + 1]
    assert [stamps[one] for one in last_of_each] == ["pull", "push"] * (CROSSINGS // 2)
