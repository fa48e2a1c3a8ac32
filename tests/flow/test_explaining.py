"""Why a post is in a feed or is not, as the real handlers have left the log and the stores."""

import dataclasses

from msgspec.structs import replace

from instastream import commands, graph
from instastream.deps import Deps
from instastream.events import Event
from instastream.ids import PostId, UserId
from instastream.reading.evidence import gather
from instastream.reading.explaining import Verdict, decide
from instastream.stores.memory import MemoryLog
from instastream.stores.memory_feeds import MemoryFeeds
from tests.flow.conftest import Streams, join, post
from tests.flow.reader import feed


async def why(deps: Deps, reader: UserId, post_id: PostId) -> Verdict:
    """Also checks that a feed is as explained."""
    verdict = decide(await gather(reader, post_id, deps))
    assert verdict.in_feed == (post_id in await feed(deps, reader))
    return verdict


def decided_by(deps: Deps, verdict: Verdict) -> Event:
    """The event that a verdict names."""
    assert verdict.event
    assert isinstance(deps.log, MemoryLog)
    topic = deps.log.topics[verdict.event.topic]
    event = topic[verdict.event.partition][verdict.event.offset]
    assert event.at_ms == verdict.event.at_ms
    return event


async def test_a_post_on_its_way_and_after_it(deps: Deps, streams: Streams) -> None:
    author, reader = await join(deps, "author", "reader")
    await graph.follow(reader, author, deps)
    post_id = (await post(deps, author)).post_id
    assert (await why(deps, reader, post_id)).kind == "processing"
    await streams.run()
    verdict = await why(deps, reader, post_id)
    assert verdict.kind == "pushed"
    assert getattr(decided_by(deps, verdict), "post_id", None) == post_id
    assert isinstance(deps.feeds, MemoryFeeds)
    deps.feeds.lists.clear()
    state = decide(await gather(reader, post_id, deps))
    assert state.kind == "cold"
    assert await why(deps, reader, post_id), "in the feed: reading has made the list"
    assert (await why(deps, reader, post_id)).kind == "pushed"
    await commands.delete(author, post_id, deps)
    verdict = await why(deps, reader, post_id)
    assert (verdict.kind, verdict.event and verdict.event.topic) == ("deleted", "posts")


async def test_whoever_comes_and_goes(deps: Deps, streams: Streams) -> None:
    author, other, reader = await join(deps, "author", "other", "reader")
    await graph.follow(reader, other, deps)
    first = (await post(deps, other)).post_id
    post_id = (await post(deps, author)).post_id
    last = (await post(deps, author)).post_id
    await streams.run()
    assert (await why(deps, reader, post_id)).kind == "not-following"
    later_on = dataclasses.replace(deps, now_ms=lambda: deps.now_ms() + 1_000)
    await graph.follow(reader, author, later_on)
    verdict = await why(deps, reader, last)
    assert verdict.kind == "not-fanned-out"
    assert getattr(decided_by(deps, verdict), "followee_id", None) == author
    await streams.run()
    for one in (first, post_id, last):
        assert (await why(deps, reader, one)).kind == "pushed"
    for act, kind in (
        (graph.mute, "muted"),
        (graph.block, "blocks"),
        (graph.unblock, "unfollowed"),
    ):
        await act(reader, author, deps)
        verdict = await why(deps, reader, last)
        assert verdict.kind == kind
        assert decided_by(deps, verdict).key in (reader, author)
    await graph.block(author, reader, deps)
    verdict = await why(deps, reader, last)
    assert verdict.kind == "blocked-by"
    assert getattr(decided_by(deps, verdict), "blocker_id", None) == author
    assert (await why(deps, author, last)).kind == "own"


async def test_what_waits_for_a_worker(deps: Deps, streams: Streams) -> None:
    author, reader = await join(deps, "author", "reader")
    await graph.follow(reader, author, deps)
    before = (await post(deps, author)).post_id
    await streams.run()
    post_id = (await post(deps, author)).post_id
    await streams.run()
    await deps.feeds.remove(reader, [post_id])
    verdict = await why(deps, reader, post_id)
    assert verdict.kind == "not-fanned-out"
    assert getattr(decided_by(deps, verdict), "post_id", None) == post_id
    assert (await why(deps, reader, before)).kind == "pushed"


async def test_only_the_latest_records_are_looked_at(deps: Deps, streams: Streams) -> None:
    author, reader = await join(deps, "author", "reader")
    await graph.follow(reader, author, deps)
    post_id = (await post(deps, author)).post_id
    await streams.run()
    whole = await gather(reader, post_id, deps)
    none = await gather(reader, post_id, deps, records_max=0)
    assert whole.records
    assert none == replace(whole, records=[])
    assert decide(none) == replace(decide(whole), event=None)
