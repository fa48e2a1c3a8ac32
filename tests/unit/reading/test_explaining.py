"""Every reason why a post is in a feed or is not, and the event that decided it."""

from typing import Any

import pytest
from msgspec.structs import replace

from instastream.events import (
    Event,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    MediaFailed,
    MediaReady,
    PostDeleted,
    ProfileChanged,
    Record,
    UploadFinalized,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
)
from instastream.ids import MediaId, PostId, UserId
from instastream.media import Outcome
from instastream.reading.explaining import (
    IN_FEED,
    NOT_IN_FEED,
    Deciding,
    Facts,
    decide,
    reveal,
)
from instastream.relations import Relations
from instastream.stores.feeds import FeedState
from instastream.stores.posts import Failure, Media, Post
from instastream.stores.users import User

READER, AUTHOR, OTHER = (UserId(f"157000000000000000{n}") for n in (1, 2, 3))
OLDER, POST_ID, NEWER = (PostId(f"157100000000000000{n}") for n in (1, 2, 3))
MEDIA_ID = MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")
IDS: dict[str, Any] = {"media_id": MEDIA_ID, "post_id": POST_ID, "author_id": AUTHOR}
EDGE: dict[str, Any] = {"follower_id": READER, "followee_id": AUTHOR}
FOLLOWS = Relations(following={AUTHOR})
FOLLOWED = UserFollowed(**EDGE, at_ms=50)
FINALIZED = UploadFinalized(
    **IDS, content_type="image/jpeg", size_bytes=1, caption="", alt_text="", at_ms=100
)
READY = MediaReady(**IDS, digest="d", variants=[], at_ms=200)
FAILED = MediaFailed(**IDS, reason="damaged", detail="It is damaged.", at_ms=200)
DELETED = PostDeleted(post_id=POST_ID, author_id=AUTHOR, at_ms=300)
PRIVATE = ProfileChanged(user_id=AUTHOR, private=True, at_ms=10)
BLOCKED = UserBlocked(blocker_id=READER, blocked_id=AUTHOR, at_ms=60)
BLOCKED_BY = UserBlocked(blocker_id=AUTHOR, blocked_id=READER, at_ms=60)
MUTED = UserMuted(muter_id=READER, muted_id=AUTHOR, at_ms=60)
UNFOLLOWED = UserUnfollowed(**EDGE, at_ms=70)
ENDED_AGAIN = UserUnfollowed(**EDGE, at_ms=80)  # as a block says it, whether they followed or not
REQUESTED = FollowRequested(**EDGE, at_ms=50)
DENIED = FollowDenied(**EDGE, request=1, at_ms=60)
APPROVED = FollowApproved(**EDGE, request=1, at_ms=260)
LATER = UserFollowed(**EDGE, at_ms=250)

MEDIA = Media(position=0, media_id=MEDIA_ID, content_type="image/jpeg", alt_text="")
PROCESSING = Post(post_id=POST_ID, author_id=AUTHOR, caption="", media=[MEDIA], media_count=1)
POST = replace(PROCESSING, media=[replace(MEDIA, rendered=Outcome.of(READY))])
PULLED = replace(POST, fanout="pull")
BROKEN = replace(PROCESSING, media=[replace(MEDIA, failure=Failure("damaged", ""))])
GONE = replace(POST, deleted=True)

SHOWN = Facts(
    reader_id=READER,
    reader=User(READER, "reader", 0),
    post_id=POST_ID,
    post=POST,
    author=User(AUTHOR, "author", 0),
    relations=FOLLOWS,
    state=FeedState([NEWER, POST_ID, OLDER], building=False),
    is_celebrity=False,
    records=[],
    epoch=0,
)
NOISE: list[Event] = [
    UserFollowed(follower_id=READER, followee_id=OTHER, at_ms=900),
    UserBlocked(blocker_id=READER, blocked_id=OTHER, at_ms=900),
    UserMuted(muter_id=OTHER, muted_id=AUTHOR, at_ms=900),
]
NOT_LISTED = FeedState([NEWER, OLDER], building=False)
SHUT = User(AUTHOR, "author", 0, private=True)
NOBODY = Relations()


def facts(*events: Event, **known: Any) -> Facts:
    """What is known, and the log: these events at offsets 1, 2, ... and some of others."""
    records = [Record(event, 7, offset) for offset, event in enumerate([*events, *NOISE], 1)]
    return replace(SHOWN, records=records, **known)


CASES = [
    ("no-such-user", None, facts(reader=None)),
    ("no-such-post", None, facts(post=None, author=None, relations=NOBODY)),
    ("not-recorded", READY, facts(READY, post=None, author=None, relations=NOBODY)),
    ("own", FINALIZED, facts(FINALIZED, READY, reader_id=AUTHOR, relations=NOBODY)),
    ("blocks", BLOCKED, facts(BLOCKED, READY, relations=Relations(blocks={AUTHOR}))),
    (
        "blocks",
        BLOCKED,
        facts(
            BLOCKED_BY,
            BLOCKED,
            relations=Relations(blocks={AUTHOR}, blocked_by={AUTHOR}),
            post=GONE,
        ),
    ),
    (
        "blocks",
        BLOCKED,
        facts(
            UserUnblocked(blocker_id=READER, blocked_id=AUTHOR, at_ms=1),
            BLOCKED,
            relations=Relations(blocks={AUTHOR}),
        ),
    ),
    (
        "blocked-by",
        BLOCKED_BY,
        facts(BLOCKED_BY, READY, relations=Relations(blocked_by={AUTHOR})),
    ),
    ("deleted", DELETED, facts(FOLLOWED, READY, DELETED, post=GONE)),
    ("not-recorded", DELETED, facts(FOLLOWED, READY, DELETED)),
    ("requested", REQUESTED, facts(REQUESTED, relations=Relations(requested={AUTHOR}))),
    ("denied", DENIED, facts(REQUESTED, DENIED, relations=NOBODY, author=SHUT)),
    ("unfollowed", UNFOLLOWED, facts(FOLLOWED, UNFOLLOWED, READY, relations=NOBODY)),
    ("unfollowed", UNFOLLOWED, facts(FOLLOWED, UNFOLLOWED, ENDED_AGAIN, relations=NOBODY)),
    ("unfollowed", UNFOLLOWED, facts(REQUESTED, UNFOLLOWED, ENDED_AGAIN, relations=NOBODY)),
    ("denied", DENIED, facts(REQUESTED, DENIED, ENDED_AGAIN, relations=NOBODY, author=SHUT)),
    ("not-recorded", LATER, facts(UNFOLLOWED, LATER, READY, relations=NOBODY)),
    ("not-recorded", UNFOLLOWED, facts(FOLLOWED, UNFOLLOWED, READY)),
    ("private", PRIVATE, facts(PRIVATE, READY, relations=NOBODY, author=SHUT)),
    ("not-following", None, facts(READY, relations=NOBODY)),
    ("not-following", None, facts(READY, ENDED_AGAIN, relations=NOBODY)),
    ("muted", MUTED, facts(MUTED, relations=Relations(following={AUTHOR}, mutes={AUTHOR}))),
    ("failed", FAILED, facts(FINALIZED, FAILED, post=BROKEN)),
    ("processing", FINALIZED, facts(FOLLOWED, FINALIZED, post=PROCESSING)),
    ("not-recorded", READY, facts(FINALIZED, READY, post=PROCESSING)),
    (
        "processing",
        FINALIZED,
        facts(FINALIZED, READY, READY, post=replace(PROCESSING, media_count=2)),
    ),
    ("pulled", READY, facts(READY, post=PULLED, state=None)),
    ("pulled", READY, facts(READY, state=NOT_LISTED, is_celebrity=True)),
    ("cold", READY, facts(READY, state=None)),
    ("rebuilding", READY, facts(READY, state=FeedState([POST_ID], building=True))),
    ("pushed", READY, facts(FOLLOWED, READY)),
    ("older", READY, facts(READY, state=FeedState([NEWER], building=False))),
    ("older", READY, facts(READY, state=FeedState([], building=False))),
    ("not-fanned-out", LATER, facts(READY, LATER, state=NOT_LISTED)),
    ("not-fanned-out", APPROVED, facts(REQUESTED, READY, APPROVED, state=NOT_LISTED)),
    ("not-fanned-out", READY, facts(FOLLOWED, READY, state=NOT_LISTED)),
    ("not-fanned-out", None, facts(state=NOT_LISTED)),
]


@pytest.mark.parametrize(("kind", "event", "known"), CASES)
def test_the_first_reason_is_given_with_its_event(
    kind: str, event: Event | None, known: Facts
) -> None:
    verdict = decide(known)
    assert verdict.kind == kind
    if event is None:
        assert verdict.event is None
    else:
        kind_of = event.__struct_config__.tag
        assert isinstance(kind_of, str)
        offsets = [one.offset for one in known.records if one.event == event]
        assert verdict.event in [
            Deciding(kind_of, event.topic, 7, offset, event.at_ms) for offset in offsets
        ]


def test_every_reason_is_in_the_table() -> None:
    told = {kind for kind, _, _ in CASES}
    assert told == (IN_FEED.keys() | NOT_IN_FEED.keys()) - {"not-visible"}


@pytest.mark.parametrize(("kind", "event", "known"), CASES)
def test_what_is_in_the_feed_is_what_the_feed_would_show(
    kind: str, event: Event | None, known: Facts
) -> None:
    verdict = decide(known)
    assert verdict.in_feed == (kind in IN_FEED)
    if verdict.in_feed:
        assert known.post
        assert known.post.status == "ready"
        assert AUTHOR in known.relations.following


HIDDEN = {"no-such-post", "blocked-by", "private", "processing", "failed"}


@pytest.mark.parametrize(("kind", "event", "known"), CASES)
def test_a_reader_is_not_told_of_what_they_may_not_see(
    kind: str, event: Event | None, known: Facts
) -> None:
    told = reveal(decide(known), known)
    if kind in HIDDEN or known.post is None or known.post is PROCESSING:
        assert told == reveal(decide(facts(post=None, author=None)), facts(post=None, author=None))
        assert (told.kind, told.event, told.in_feed) == ("not-visible", None, False)
    elif kind == "denied":
        assert told.kind == "not-visible", "the account is private"
    else:
        assert told == decide(known)


@pytest.mark.parametrize("post", [POST, GONE, BROKEN, PROCESSING])
def test_whoever_is_blocked_sees_what_whoever_asks_for_nothing_sees(post: Post) -> None:
    blocked = facts(BLOCKED_BY, relations=Relations(blocked_by={AUTHOR}), post=post)
    nothing = facts(post=None, author=None, relations=NOBODY)
    assert reveal(decide(blocked), blocked) == reveal(decide(nothing), nothing)


def test_a_block_by_both_is_told_as_the_own() -> None:
    own = facts(BLOCKED, relations=Relations(blocks={AUTHOR}))
    both = facts(BLOCKED, relations=Relations(blocks={AUTHOR}, blocked_by={AUTHOR}))
    assert reveal(decide(both), both) == reveal(decide(own), own)


@pytest.mark.parametrize("post", [POST, GONE])
def test_blocking_a_private_account_shows_nothing_of_its_posts(post: Post) -> None:
    blocks = facts(BLOCKED, relations=Relations(blocks={AUTHOR}), author=SHUT, post=post)
    nothing = facts(post=None, author=None, relations=NOBODY)
    assert reveal(decide(blocks), blocks) == reveal(decide(nothing), nothing)
