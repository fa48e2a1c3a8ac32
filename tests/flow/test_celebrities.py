"""Authors who cross the threshold, both ways: nothing is lost, nothing is seen twice."""

import dataclasses
from random import Random

import pytest
from msgspec.structs import replace

from instastream import graph
from instastream.deps import Deps
from instastream.ids import PostId
from tests.flow.conftest import Streams, join, post
from tests.flow.reader import feed, read_page

PULL_FROM, PUSH_BELOW = 4, 2


@pytest.fixture
def small(deps: Deps) -> Deps:
    """Where four followers make a celebrity."""
    settings = replace(deps.settings, pull_from=PULL_FROM, push_below=PUSH_BELOW)
    return dataclasses.replace(deps, settings=settings)


async def test_a_celebrity_post_is_pulled_not_pushed(small: Deps) -> None:
    author, *fans = await join(small, "author", *(f"fan{n}" for n in range(PULL_FROM)))
    for fan in fans:
        await graph.follow(fan, author, small)
    streams = Streams(small, Random(1))
    await streams.run()
    posted = (await post(small, author)).post_id
    await streams.run()
    assert (await small.posts.get([posted]))[posted].fanout == "pull"
    for fan in fans:
        assert await feed(small, fan) == [posted]
        assert await small.feeds.read(fan) == []


@pytest.mark.parametrize("seed", range(20))
async def test_crossing_the_threshold_loses_and_repeats_nothing(small: Deps, seed: int) -> None:
    random = Random(seed)
    streams = Streams(small, random)
    author, other, reader, *fans = await join(
        small, "author", "other", "reader", *(f"fan{n}" for n in range(PULL_FROM))
    )
    for followee in (author, other):
        await graph.follow(reader, followee, small)
    posted: list[PostId] = []
    for _ in range(12):
        fan = random.choice(fans)
        act = random.choice((graph.follow, graph.follow, graph.unfollow))
        await act(fan, author, small)
        if random.random() < 0.7:
            whose = random.choice((author, author, other))
            posted.append((await post(small, whose)).post_id)
        if random.random() < 0.3:
            await streams.run()
            assert await feed(small, reader) == posted[::-1]
    await streams.run()
    stamps = {one.fanout for one in (await small.posts.get(posted)).values()}
    assert await feed(small, reader) == posted[::-1]
    seen: list[PostId] = []
    before = None
    for _ in posted:
        page = await read_page(small, reader, before=before, limit=2)
        seen += page.post_ids
        before = page.after
        if before is None:
            break
    assert seen == posted[::-1]
    assert seed != 0 or stamps == {"push", "pull"}
