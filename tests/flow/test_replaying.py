"""What a replay makes of records: the same as workers, without a word to anyone."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord

from instastream.deps import Deps
from instastream.errors import Corrupt, Unavailable, Unready
from instastream.events import (
    CommentAdded,
    Event,
    MediaReady,
    PostDeleted,
    UploadFinalized,
    UserFollowed,
    UserJoined,
    encode,
)
from instastream.ids import PostId, UserId
from instastream.rebuilding.projections import PROJECTIONS, Projection
from instastream.rebuilding.replaying import REFUSED_TOLD, Refused, Replaying
from instastream.rebuilding.targets import silent
from instastream.stores.memory import MemoryLog
from tests.flow.counting_world import ADA, BOB, COMMENT, HISTORY, POST, liked, new_id
from tests.stores.test_posts import finalized, ready
from tests.unit.delivering import fetched


def records(*events: Event, first: int = 0) -> list[ConsumerRecord]:
    """As they stand in a partition."""
    return [
        fetched(first + at, encode(event), topic=event.topic, key=event.key.encode())
        for at, event in enumerate(events)
    ]


async def replayed(name: str, deps: Deps, found: Sequence[ConsumerRecord]) -> Replaying:
    replaying = Replaying(PROJECTIONS[name], silent(deps))
    by_topic: dict[str, list[ConsumerRecord]] = {}
    for one in found:
        by_topic.setdefault(one.topic, []).append(one)
    for topic, some in by_topic.items():
        await replaying.take(topic, 0, some)
    return replaying


async def test_a_replayed_post_can_be_read_and_is_pushed_to_nobody(deps: Deps) -> None:
    post_id = PostId(new_id())
    follow = UserFollowed(follower_id=BOB, followee_id=ADA, at_ms=1)
    await deps.feeds.open(BOB, "token")
    await deps.feeds.fill(BOB, "token", [])
    await replayed("graph", deps, records(follow))
    assert await deps.graph.followers(ADA) == [BOB]
    for _ in range(2):
        await replayed("posts", deps, records(finalized(post_id, ADA), ready(post_id, ADA)))
    assert (await deps.posts.get([post_id]))[post_id].status == "ready"
    assert await deps.feeds.read(BOB) == []
    assert isinstance(deps.log, MemoryLog)
    assert not deps.log.topics


async def test_authors_of_pulled_posts_are_known_again_once_a_post_is_ready(deps: Deps) -> None:
    post_id = PostId(new_id())
    upload = pulled(finalized(post_id, ADA), media_count=2)
    first, second = (pulled(ready(post_id, ADA), position=at, media_count=2) for at in (0, 1))
    await replayed("posts", deps, records(upload, first))
    assert await deps.posts.celebrities() == []
    await replayed("posts", deps, records(second))
    assert await deps.posts.celebrities() == [ADA]


@pytest.mark.parametrize("deleted_first", [False, True])
async def test_who_was_pulled_is_the_same_whenever_a_post_was_deleted(
    deps: Deps, deleted_first: bool
) -> None:
    post_id = PostId(new_id())
    landing = [pulled(finalized(post_id, ADA)), pulled(ready(post_id, ADA))]
    deletion = [PostDeleted(post_id=post_id, author_id=ADA, at_ms=1)]
    for events in (deletion, landing) if deleted_first else (landing, deletion):
        await replayed("posts", deps, records(*events))
    assert await deps.posts.celebrities() == [ADA]


def pulled(event: Event, **fields: int) -> Event:
    assert isinstance(event, UploadFinalized | MediaReady)
    return msgspec.structs.replace(event, fanout="pull", **fields)


async def test_nobody_is_told(deps: Deps) -> None:
    place = (await deps.changes.since(None))[0].place
    await replayed("users", deps, records(UserJoined(user_id=ADA, username="ada", at_ms=1)))
    assert await deps.users.get(ADA)
    heard, *_ = await deps.changes.since(place)
    assert (heard.changes, heard.lost) == ([], False)


async def test_likes_and_comments_are_counted_as_workers_count_them(deps: Deps) -> None:
    for _ in range(2):
        await replayed("likes", deps, records(*HISTORY[:4]))
        await replayed("comments", deps, records(*HISTORY[4:]))
    assert (await deps.likes.totals({POST: 1}))[POST].count == 2
    assert (await deps.comment_ids.totals({POST: 1}))[POST].count == 1
    assert (await deps.counts.totals("likes", [POST]))[POST].count == 2
    assert list(await deps.comments.get([COMMENT])) == [COMMENT]


async def test_what_a_worker_buries_is_passed_over(deps: Deps) -> None:
    one, misplaced = records(liked(ADA)), records(liked(BOB))
    misplaced[0].key = b"another"
    poison = fetched(7, b"no event", topic="engagement")
    replaying = await replayed("likes", deps, [*one, *misplaced, poison])
    assert (replaying.records, replaying.passed, replaying.refused) == (3, 2, 0)
    assert (await deps.likes.totals({POST: 1}))[POST].count == 1


def refusing(name: str, poison: Event) -> Projection:
    """One whose handler finds an event that it can't digest."""
    projection = PROJECTIONS[name]
    [(topic, counting)] = projection.counting.items()

    async def refuse(some: Sequence[object], deps: Deps) -> list[Event]:
        if any(getattr(one, "event", None) == poison for one in some):
            raise Corrupt("no", "a bug")
        return await counting(some, deps)  # type: ignore[arg-type]

    return msgspec.structs.replace(projection, counting={topic: refuse})


async def test_what_a_handler_refuses_is_told_and_everything_else_is_counted(deps: Deps) -> None:
    likes = [liked(UserId(new_id())) for _ in range(9)]
    replaying = Replaying(refusing("likes", likes[4]), silent(deps))
    await replaying.take("engagement", 0, records(*likes))
    assert replaying.refused == 1
    [told] = replaying.refusals
    assert told == Refused(topic="engagement", partition=0, offset=4, error="Corrupt: a bug")
    assert (await deps.likes.totals({POST: 1}))[POST].count == 8


@pytest.mark.parametrize("many", [REFUSED_TOLD - 1, REFUSED_TOLD, REFUSED_TOLD + 1])
async def test_all_that_is_refused_is_counted_and_the_first_of_it_told(
    many: int, deps: Deps
) -> None:
    async def refuse(record: object, deps: Deps) -> list[Event]:
        raise Corrupt("no", "a bug")

    users = msgspec.structs.replace(PROJECTIONS["users"], handlers={UserJoined: refuse})
    replaying = Replaying(users, silent(deps))
    joined = UserJoined(user_id=ADA, username="ada", at_ms=1)
    await replaying.take("users", 0, records(*[joined] * many))
    assert replaying.refused == many
    assert [one.offset for one in replaying.refusals] == list(range(min(many, REFUSED_TOLD)))


async def test_a_store_that_is_down_is_waited_for(deps: Deps) -> None:
    troubles: list[Exception] = [Unavailable("cassandra", "away")] * 3
    waited = 0

    async def grumble(event: UserJoined) -> None:
        if troubles:
            raise troubles.pop()
        await record_joined(event)

    async def sleep(_: float) -> None:
        nonlocal waited
        waited += 1

    record_joined = deps.users.record_joined
    deps.users.record_joined = grumble  # type: ignore[method-assign]
    patient = replace(deps, sleep=sleep)
    await replayed("users", patient, records(UserJoined(user_id=ADA, username="ada", at_ms=1)))
    assert waited == 3
    assert await deps.users.get(ADA)


async def test_a_topic_that_is_not_what_it_was_ends_a_replay(deps: Deps) -> None:
    class Anew:
        async def of(self, topic: str) -> int:
            raise Unready("topic engagement was made anew")

        async def confirm(self, topic: str) -> None: ...

    with pytest.raises(Unready, match="made anew"):
        await replayed("likes", replace(deps, epochs=Anew()), records(liked(ADA)))


async def test_of_some_keys_only_theirs_are_handled(deps: Deps) -> None:
    events = [UserJoined(user_id=one, username=one, at_ms=1) for one in (ADA, BOB)]
    replaying = Replaying(PROJECTIONS["users"], silent(deps), keys=[BOB.encode()])
    await replaying.take("users", 0, records(*events))
    assert (replaying.records, dict(replaying.handled)) == (1, {UserJoined: 1})
    assert await deps.users.get(ADA) is None
    assert await deps.users.get(BOB)


async def test_without_stores_events_are_only_counted() -> None:
    replaying = Replaying(PROJECTIONS["comments"], None)
    await replaying.take("comments", 0, records(*HISTORY[4:]))
    assert replaying.handled[CommentAdded] == 2
