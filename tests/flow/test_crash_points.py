"""A worker may die before or after any call of any handler: whoever does the event again ends it.

The points are not listed anywhere: they are the calls that a handler makes.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest

from instastream.comments import CommentAdded, CommentDeleted, CommentEdited
from instastream.events import (
    CommentLiked,
    CommentUnliked,
    Event,
    FanoutPage,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    PostLiked,
    PostUnliked,
    ProfileChanged,
    UploadFinalized,
    UserBlocked,
    UserFollowed,
    UserJoined,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    Variant,
)
from instastream.handlers.engagement import ENGAGEMENT
from instastream.ids import CommentId, LikeId, MediaId, PostId, UserId
from instastream.lag import HANDLERS
from instastream.stores.blobs import Blob
from instastream.uploads import original_key
from tests.flow.crash_world import NOW_MS, World

ADA, BOB, EVE = (UserId(f"157123456789012345{n}") for n in range(3))
OLD, NEW, CLIP = (PostId(f"157123456789012346{n}") for n in range(3))
SAID, REPLIED = (CommentId(f"157123456789012347{n}") for n in range(2))
LIKED = LikeId("1571234567890123480")
MEDIA_OF = {
    post: MediaId(f"0191e2a4-0000-7000-8000-00000000000{n}")
    for n, post in enumerate((OLD, NEW, CLIP))
}
SHARDS = 4

State: TypeAlias = dict[str, str]
Begun: TypeAlias = tuple[World, Callable[[], int]]


def of(event: type[Event], **fields: Any) -> Event:
    return event(at_ms=NOW_MS, **fields)


def finalized(post: PostId, content_type: str = "image/jpeg") -> Event:
    return of(
        UploadFinalized,
        media_id=MEDIA_OF[post],
        post_id=post,
        author_id=ADA,
        content_type=content_type,
        size_bytes=len(post),
        caption="",
        alt_text="",
        like_shards=SHARDS,
    )


def ready(post: PostId, **fields: Any) -> Event:
    key = f"media/{post}/0/full.webp"
    variants = [Variant(name="full", key=key, width=1, height=1, size_bytes=1)]
    about = {"media_id": MEDIA_OF[post], "post_id": post, "author_id": ADA}
    return of(MediaReady, **about, digest=post, variants=variants, **fields)


def failed(post: PostId) -> Event:
    about = {"media_id": MEDIA_OF[post], "post_id": post, "author_id": ADA}
    return of(MediaFailed, **about, reason="damaged", detail="it can't be decoded")


def edge(event: type[Event], **fields: Any) -> Event:
    return of(event, follower_id=EVE, followee_id=ADA, **fields)


PAST = [
    *(of(UserJoined, user_id=user, username=f"u{user}") for user in (ADA, BOB, EVE)),
    of(UserFollowed, follower_id=BOB, followee_id=ADA),
    finalized(OLD),
    ready(OLD),
    of(CommentAdded, comment_id=SAID, post_id=OLD, author_id=BOB, text="first"),
    of(PostLiked, user_id=BOB, post_id=OLD, like_id=LIKED, shards=SHARDS),
]
# What a worker may find in its topics, and what came before that beside PAST.
EVENTS: list[tuple[str, Event, list[Event]]] = [
    ("media", finalized(NEW), []),
    ("video", finalized(CLIP, "video/mp4"), []),
    ("posts", finalized(NEW), []),
    ("posts", ready(NEW), [finalized(NEW)]),
    ("posts", failed(NEW), [finalized(NEW)]),
    ("posts", of(PostEdited, post_id=OLD, author_id=ADA, caption="other words"), []),
    ("posts", of(PostDeleted, post_id=OLD, author_id=ADA), []),
    ("feeds", ready(NEW), [finalized(NEW)]),
    ("feeds", ready(NEW, fanout="pull"), [finalized(NEW)]),
    ("feeds", of(FanoutPage, post_id=OLD, author_id=ADA, bucket=0, buckets=64, after=""), []),
    ("feeds", edge(UserFollowed), []),
    ("feeds", edge(FollowApproved, request=1), [edge(FollowRequested)]),
    ("feeds", edge(UserUnfollowed), [edge(UserFollowed)]),
    ("feeds", of(UserBlocked, blocker_id=ADA, blocked_id=BOB), []),
    ("feeds", of(UserUnblocked, blocker_id=ADA, blocked_id=EVE), [edge(UserFollowed)]),
    ("feeds", of(UserMuted, muter_id=BOB, muted_id=ADA), []),
    (
        "feeds",
        of(UserUnmuted, muter_id=BOB, muted_id=ADA),
        [of(UserMuted, muter_id=BOB, muted_id=ADA)],
    ),
    ("graph", of(UserJoined, user_id=UserId("1571234567890123459"), username="dan"), []),
    ("graph", of(ProfileChanged, user_id=ADA, private=True), []),
    ("graph", edge(UserFollowed), []),
    ("graph", edge(UserUnfollowed), [edge(UserFollowed)]),
    ("graph", edge(FollowRequested), []),
    ("graph", edge(FollowApproved, request=1), [edge(FollowRequested)]),
    ("graph", edge(FollowDenied, request=1), [edge(FollowRequested)]),
    ("graph", of(UserBlocked, blocker_id=ADA, blocked_id=BOB), []),
    ("graph", of(UserUnblocked, blocker_id=ADA, blocked_id=BOB), []),
    ("graph", of(UserMuted, muter_id=BOB, muted_id=ADA), []),
    ("graph", of(UserUnmuted, muter_id=BOB, muted_id=ADA), []),
    ("ledger", ready(NEW), []),
    ("ledger", ready(NEW), [of(PostDeleted, post_id=NEW, author_id=ADA)]),
    ("ledger", failed(NEW), [of(PostDeleted, post_id=NEW, author_id=ADA)]),
    ("ledger", of(PostDeleted, post_id=OLD, author_id=ADA), []),
]
BATCHES: list[tuple[str, list[Event]]] = [
    (
        "engagement",
        [
            of(PostLiked, user_id=EVE, post_id=OLD, like_id=LIKED, shards=SHARDS),
            of(PostUnliked, user_id=BOB, post_id=OLD, shards=SHARDS),
            of(CommentLiked, user_id=EVE, comment_id=SAID, post_id=OLD, like_id=LIKED),
            of(CommentUnliked, user_id=EVE, comment_id=SAID, post_id=OLD),
        ],
    ),
    (
        "comments",
        [
            of(
                CommentAdded,
                comment_id=REPLIED,
                post_id=OLD,
                reply_to=SAID,
                author_id=EVE,
                text="x",
            ),
            of(CommentEdited, comment_id=SAID, post_id=OLD, text="other words"),
            of(CommentDeleted, comment_id=REPLIED, post_id=OLD, reply_to=SAID, deleted_by=EVE),
        ],
    ),
]
WORKS = [
    *((app, [event], before) for app, event, before in EVENTS),
    *(("engagement", events, list[Event]()) for _, events in BATCHES),
]


@pytest.fixture(autouse=True)
def _in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def call(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", call)


@contextmanager
def begun(app: str, events: Sequence[Event], before: Sequence[Event]) -> Iterator[Begun]:
    """A world in which all came before, and how a worker of an app begins with these events."""
    world = World()
    for post, media_id in MEDIA_OF.items():
        world.stores["blobs"].objects[original_key(ADA, media_id)] = (
            post.encode(),
            Blob(len(post), None),
        )
    for reader in (BOB, EVE):
        world.stores["feeds"].lists[reader] = []
    world.has([*PAST, *before])
    records = [world.record(event) for event in events]
    try:
        yield world, lambda: world.begin(app, records)
    finally:
        world.loop.close()


def in_peace(app: str, events: Sequence[Event], before: Sequence[Event]) -> tuple[int, State]:
    """How many calls it takes, and what is there then."""
    with begun(app, events, before) as (world, begin):
        begin()
        calls = 0
        while world.loop.waiting():
            world.loop.step(0)
            calls += 1
        return calls, world.state


@pytest.mark.parametrize(
    ("app", "events", "before"),
    WORKS,
    ids=[f"{app}-{type(events[0]).__name__}-{len(before)}" for app, events, before in WORKS],
)
def test_wherever_a_worker_dies_the_next_one_comes_to_the_same(
    app: str, events: list[Event], before: list[Event]
) -> None:
    calls, wanted = in_peace(app, events, before)
    assert calls
    for done in range(calls + 1):
        with begun(app, events, before) as (world, begin):
            dying = begin()
            for _ in range(done):
                assert world.loop.waiting()
                world.loop.step(0)
            world.loop.kill(dying)
            begin()
            world.loop.finish()
            assert world.state == wanted, f"dead after {done} of {calls} calls"


def test_every_handler_of_every_worker_dies_here() -> None:
    dying = {(app, type(event)) for app, events, _ in WORKS for event in events}
    assert dying >= {(app, event) for app, handlers in HANDLERS.items() for event in handlers}
    assert {topic for topic, _ in BATCHES} == set(ENGAGEMENT)
