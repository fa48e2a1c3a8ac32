"""What workers may find in their topics while they die: every event of every app, and more.

Beside each stands what came before it. A worker of each app handles all of it, in a small world
(`crash_world`) or from real topics.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

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
from instastream.ids import CommentId, LikeId, MediaId, PostId, UserId
from instastream.limits import FANOUT_PAGE_LENGTH, FEED_LENGTH
from instastream.media import folder_in, object_key, root_of
from instastream.stores.graph import FOLLOWER_BUCKETS, bucket_of
from tests.flow.tiny_renderer import DAMAGED

NOW_MS = 1_795_000_000_000

ADA, BOB, EVE = (UserId(f"157123456789012345{n}") for n in range(3))
OLD, NEW, CLIP, BAD = (PostId(f"157123456789012346{n}") for n in range(4))
SAID, REPLIED = (CommentId(f"157123456789012347{n}") for n in range(2))
LIKED = LikeId("1571234567890123480")
MEDIA_OF = {
    post: MediaId(f"0191e2a4-0000-7000-8000-00000000000{n}")
    for n, post in enumerate((OLD, NEW, CLIP, BAD))
}
ORIGINALS = {OLD: b"old", NEW: b"new", CLIP: b"clip", BAD: DAMAGED}
SHARDS = 4


def of(event: type[Event], **fields: Any) -> Event:
    return event(at_ms=NOW_MS, **fields)


def finalized(post: PostId, content_type: str = "image/jpeg") -> Event:
    return of(
        UploadFinalized,
        media_id=MEDIA_OF[post],
        post_id=post,
        author_id=ADA,
        content_type=content_type,
        size_bytes=len(ORIGINALS[post]),
        caption="",
        alt_text="",
        like_shards=SHARDS,
    )


def rendered_key(post: PostId) -> str:
    return object_key(folder_in(root_of(post, private=False), 0), "full")


def ready(post: PostId, **fields: Any) -> Event:
    variants = [Variant(name="full", key=rendered_key(post), width=1, height=1, size_bytes=1)]
    about = {"media_id": MEDIA_OF[post], "post_id": post, "author_id": ADA}
    return of(MediaReady, **about, digest=post, variants=variants, **fields)


def failed(post: PostId) -> Event:
    about = {"media_id": MEDIA_OF[post], "post_id": post, "author_id": ADA}
    return of(MediaFailed, **about, reason="damaged", detail="it can't be decoded")


def page(bucket: int, buckets: int) -> Event:
    about = {"post_id": NEW, "author_id": ADA}
    return of(FanoutPage, **about, bucket=bucket, buckets=buckets, after="")


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
ASKED = len(PAST)  # the place of what comes first after PAST: of a request, what answers name
EVENTS: list[tuple[str, Event, list[Event]]] = [
    ("media", finalized(NEW), []),
    ("media", finalized(BAD), []),
    ("video", finalized(CLIP, "video/mp4"), []),
    ("posts", finalized(NEW), []),
    ("posts", ready(NEW), [finalized(NEW)]),
    ("posts", failed(NEW), [finalized(NEW)]),
    ("posts", of(PostEdited, post_id=OLD, author_id=ADA, caption="other words"), []),
    ("posts", of(PostDeleted, post_id=OLD, author_id=ADA), []),
    ("feeds", ready(NEW), [finalized(NEW)]),
    ("feeds", ready(NEW, fanout="pull"), [finalized(NEW)]),
    ("feeds", page(0, FOLLOWER_BUCKETS), [finalized(NEW)]),
    ("feeds", edge(UserFollowed), []),
    ("feeds", edge(FollowApproved, request=ASKED), [edge(FollowRequested)]),
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
    ("graph", edge(FollowApproved, request=ASKED), [edge(FollowRequested)]),
    ("graph", edge(FollowDenied, request=ASKED), [edge(FollowRequested)]),
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


class Work(NamedTuple):
    """What a worker of an app does; of its chores by their names what it does beside events."""

    app: str
    events: Sequence[Event]
    before: Sequence[Event]  # beside PAST
    chore: str = ""
    page_length: int = FANOUT_PAGE_LENGTH  # so many followers are a job of their own
    list_length: int = FEED_LENGTH  # so many ids are a full list


WORKS = [
    *(Work(app, [event], before) for app, event, before in EVENTS),
    *(Work("engagement", events, []) for _, events in BATCHES),
    Work("feeds", [ready(NEW)], [finalized(NEW), edge(UserFollowed)], page_length=1),
    Work("feeds", [page(bucket_of(BOB), 1)], [finalized(NEW)], page_length=1),
    Work("feeds", [edge(UserUnfollowed)], [edge(UserFollowed)], list_length=1),
    Work("ledger", [], [of(PostDeleted, post_id=OLD, author_id=ADA)], chore="reclaim"),
]
