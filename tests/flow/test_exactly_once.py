"""However often a client asks and whatever fails, there is one post, one user, one edge."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from instastream import accounts, commands, graph
from instastream.deps import Deps
from instastream.errors import Rejected, Unavailable
from instastream.events import UserFollowed
from instastream.ids import newest
from instastream.log import EventLog
from instastream.stores.memory import MemoryLog
from tests.flow.conftest import Streams, join, upload


def appended(log: EventLog, topic: str) -> list[Any]:
    assert isinstance(log, MemoryLog)
    return [event for events in log.topics.get(topic, {}).values() for event in events]


@pytest.fixture
def kafka(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> "UnreliableLog":
    """The log, behind a switch that makes the next append fail."""
    unreliable = UnreliableLog(deps.log.append)
    monkeypatch.setattr(deps.log, "append", unreliable)
    return unreliable


class UnreliableLog:
    def __init__(self, append: Any) -> None:
        self._append = append
        self.is_down = False

    async def __call__(self, event: Any) -> Any:
        if self.is_down:
            raise Unavailable("kafka", "no acknowledgement")
        return await self._append(event)


async def test_finalizing_twice_is_one_post_and_one_fact(deps: Deps) -> None:
    (author,) = await join(deps, "author")
    draft = await upload(deps, author)
    posts = [
        await commands.finalize(author, draft, idempotency_key=None, deps=deps) for _ in range(2)
    ]
    assert posts[0] == posts[1]
    assert len(appended(deps.log, "uploads")) == 1


async def test_finalizing_at_the_same_moment_is_one_post(deps: Deps) -> None:
    (author,) = await join(deps, "author")
    draft = await upload(deps, author)
    posts = await asyncio.gather(
        *(commands.finalize(author, draft, idempotency_key=None, deps=deps) for _ in range(9))
    )
    assert len({post.post_id for post in posts}) == 1
    assert len({event.post_id for event in appended(deps.log, "uploads")}) == 1


async def test_a_finalize_that_kafka_did_not_take_can_be_repeated(
    deps: Deps, kafka: UnreliableLog
) -> None:
    (author,) = await join(deps, "author")
    draft = await upload(deps, author)
    kafka.is_down = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await commands.finalize(author, draft, idempotency_key="key", deps=deps)
    assert await deps.posts.timeline(author, before=newest(deps.now_ms()), limit=9) == []
    kafka.is_down = False
    post = await commands.finalize(author, draft, idempotency_key="key", deps=deps)
    assert [event.post_id for event in appended(deps.log, "uploads")] == [post.post_id]
    assert await deps.posts.timeline(author, before=newest(deps.now_ms()), limit=9) == [
        post.post_id
    ]


async def test_a_join_that_kafka_did_not_take_can_be_completed_by_its_password(
    deps: Deps, kafka: UnreliableLog
) -> None:
    kafka.is_down = True
    with pytest.raises(Unavailable):
        await accounts.join("painter", "a long password", deps)
    kafka.is_down = False
    with pytest.raises(Rejected, match="taken"):
        await accounts.join("painter", "another password", deps)
    user = await accounts.join("painter", "a long password", deps)
    assert [event.user_id for event in appended(deps.log, "users")] == [user.user_id]
    with pytest.raises(Rejected, match="taken"):
        await accounts.join("painter", "a long password", deps)


async def test_following_and_unfollowing_twice_is_once(deps: Deps) -> None:
    follower, followee = await join(deps, "follower", "followee")
    for _ in range(2):
        await graph.follow(follower, followee, deps)
        assert sorted((await deps.graph.relations(follower)).following) == [followee]
    for _ in range(2):
        await graph.unfollow(follower, followee, deps)
        assert sorted((await deps.graph.relations(follower)).following) == []


async def test_unfollowing_what_is_still_on_its_way_through_the_log_holds(
    deps: Deps, streams: Streams
) -> None:
    """The follow was appended by a process that died before it applied it."""
    follower, followee = await join(deps, "follower", "followee")
    followed = UserFollowed(follower_id=follower, followee_id=followee, at_ms=deps.now_ms())
    await deps.log.append(followed)
    await graph.unfollow(follower, followee, deps)
    await streams.run()
    assert sorted((await deps.graph.relations(follower)).following) == []


async def test_an_upload_becomes_one_post_with_one_caption(deps: Deps) -> None:
    (author,) = await join(deps, "author")
    draft = await upload(deps, author)
    await commands.finalize(author, draft, idempotency_key=None, deps=deps)
    other = replace(draft, caption="another caption")
    with pytest.raises(Rejected) as raised:
        await commands.finalize(author, other, idempotency_key=None, deps=deps)
    assert raised.value.problem == "upload-already-used"


async def test_an_idempotency_key_belongs_to_one_request(deps: Deps) -> None:
    (author,) = await join(deps, "author")
    first, second = await upload(deps, author), await upload(deps, author)
    await commands.finalize(author, first, idempotency_key="key", deps=deps)
    with pytest.raises(Rejected) as raised:
        await commands.finalize(author, second, idempotency_key="key", deps=deps)
    assert raised.value.problem == "idempotency-key-reused"
