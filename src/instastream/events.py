"""Every fact this system remembers: its fields, its topic and its key."""

from hashlib import blake2b
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from instastream.comments import CommentAdded as CommentAdded
from instastream.comments import CommentDeleted as CommentDeleted
from instastream.comments import CommentEdited as CommentEdited
from instastream.errors import Corrupt
from instastream.facts import Count, Media, Post, User, at_most
from instastream.facts import Event as Event
from instastream.follows import FollowApproved as FollowApproved
from instastream.follows import FollowDenied as FollowDenied
from instastream.follows import FollowRequested as FollowRequested
from instastream.follows import UserBlocked as UserBlocked
from instastream.follows import UserFollowed as UserFollowed
from instastream.follows import UserMuted as UserMuted
from instastream.follows import UserUnblocked as UserUnblocked
from instastream.follows import UserUnfollowed as UserUnfollowed
from instastream.follows import UserUnmuted as UserUnmuted
from instastream.ids import UserId
from instastream.likes import CommentLiked as CommentLiked
from instastream.likes import CommentUnliked as CommentUnliked
from instastream.likes import PostLiked as PostLiked
from instastream.likes import PostUnliked as PostUnliked
from instastream.likes import Shards
from instastream.limits import FANOUT_BUCKETS_MAX

MediaCount = Annotated[int, Meta(ge=1)]

Fanout = Literal["push", "pull"]  # into followers' lists, or read from the author's timeline


class Variant(Struct, frozen=True):
    """One rendering of an image, as it lies in the object store."""

    name: str
    key: str
    width: Count
    height: Count
    size_bytes: Count


class Rung(Struct, frozen=True):
    """One size that a video can be streamed in."""

    name: str
    width: Count
    height: Count
    bits_per_s: Count  # at its peak


class Video(Struct, frozen=True):
    """A video as it can be streamed: `key` is its master playlist (HLS)."""

    key: str
    width: Count
    height: Count
    duration_ms: Count
    size_bytes: Count  # of everything that the playlist leads to
    rungs: list[Rung]


class AltText(Struct, frozen=True):
    """What one media of a post shows, for those who can't see it."""

    position: Count
    text: str


class UserJoined(Event, frozen=True, kw_only=True, tag="user.joined.v1"):
    """Someone chose a username; credentials are not in the log."""

    topic = "users"
    key_field = "user_id"

    user_id: User
    username: str


class ProfileChanged(Event, frozen=True, kw_only=True, tag="profile.changed.v1"):
    """A user's account is private from now on, or public."""

    topic = "users"
    key_field = "user_id"

    user_id: User
    private: bool


class UploadFinalized(Event, frozen=True, kw_only=True, tag="upload.finalized.v1"):
    """The original lies in the object store and its owner made it a post.

    A post of several media has one such event for each, told apart by `position`.
    """

    topic = "uploads"
    key_field = "media_id"

    media_id: Media
    post_id: Post
    author_id: User
    content_type: str
    size_bytes: Count
    caption: str  # of the post, the same with each of its media
    alt_text: str
    position: Count = 0
    media_count: MediaCount = 1
    private: bool = False
    fanout: Fanout = "push"  # decided once, for all of the post's media
    like_shards: Shards = 1  # decided once: what each like of the post says


class MediaReady(Event, frozen=True, kw_only=True, tag="media.ready.v1"):
    """Every variant of one media of a post lies in the object store."""

    topic = "media"
    key_field = "post_id"

    media_id: Media
    post_id: Post
    author_id: User
    digest: str
    variants: list[Variant]
    position: Count = 0
    media_count: MediaCount = 1
    thumbhash: str = ""  # base64; a blurred preview in about 25 bytes
    colour: str = ""  # the dominant one, as "#rrggbb"
    video: Video | None = None
    fanout: Fanout = "push"  # as UploadFinalized says


class MediaFailed(Event, frozen=True, kw_only=True, tag="media.failed.v1"):
    """One media of a post can never be rendered; `detail` is a sentence for its owner."""

    topic = "media"
    key_field = "post_id"

    media_id: Media
    post_id: Post
    author_id: User
    reason: str
    detail: str
    position: Count = 0
    media_count: MediaCount = 1


class PostEdited(Event, frozen=True, kw_only=True, tag="post.edited.v1"):
    """The author put other words to a post; what is not said stays as it was."""

    topic = "posts"
    key_field = "post_id"

    post_id: Post
    author_id: User
    caption: str | None = None
    alt_texts: list[AltText] = msgspec.field(default_factory=list)


class PostDeleted(Event, frozen=True, kw_only=True, tag="post.deleted.v1"):
    """The author took a post back, for good."""

    topic = "posts"
    key_field = "post_id"

    post_id: Post
    author_id: User


class FanoutPage(Event, frozen=True, kw_only=True, tag="fanout.page.v1"):
    """Work: push a post to an author's followers in `buckets` buckets from `bucket` on.

    Of one bucket, to those that come after `after` ("" for all): a page of them.
    """

    topic = "fanout"
    key_field = "page"

    post_id: Post
    author_id: User
    bucket: Count
    buckets: Count = 1
    after: UserId

    def __post_init__(self) -> None:
        super().__post_init__()
        at_most(FANOUT_BUCKETS_MAX, self.bucket + self.buckets, "buckets")

    @property
    def page(self) -> str:
        """Spreads the pages of one post over the partitions."""
        return f"{self.post_id}:{self.bucket}"


AnyEvent = (
    UserJoined
    | ProfileChanged
    | UserFollowed
    | UserUnfollowed
    | FollowRequested
    | FollowApproved
    | FollowDenied
    | UserBlocked
    | UserUnblocked
    | UserMuted
    | UserUnmuted
    | UploadFinalized
    | MediaReady
    | MediaFailed
    | PostEdited
    | PostDeleted
    | FanoutPage
    | PostLiked
    | PostUnliked
    | CommentLiked
    | CommentUnliked
    | CommentAdded
    | CommentEdited
    | CommentDeleted
)
EVENTS: tuple[type[Event], ...] = AnyEvent.__args__
# Topics whose offsets date what is kept: each has an epoch (docs/decisions/0029).
DATED = frozenset({"posts", "graph", "users", "engagement", "comments"})

E = TypeVar("E", bound=Event, covariant=True)


class Record(Struct, Generic[E], frozen=True, gc=False):
    """An event and where it stands in the log."""

    event: E
    partition: int
    offset: int


_SPECVERSION = ("ce_specversion", b"1.0")
_SOURCE = ("ce_source", b"instastream")
_CONTENT_TYPE = ("content-type", b"application/json")

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """The JSON that stands in the log."""
    return _encoder.encode(event)


def decode(raw: bytes | None) -> Event:
    """The event in a record's value; raises Corrupt when there is none that we know."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("not-an-event", str(error)) from error


def decode_placed(raw: bytes | None, *, topic: str, key: bytes | None) -> Event:
    """The event in a record, in its topic and under its key; raises Corrupt where it is not."""
    event = decode(raw)
    if event.topic != topic:
        raise Corrupt("wrong-topic", f"an event of {event.topic} in {topic}")
    if event.key.encode() != key:
        raise Corrupt("wrong-key", f"the event's key is {event.key}, the record's {key!r}")
    return event


def headers(event: Event, traceparent: str) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 in binary mode, and the W3C trace that led here.

    `ce_id` is a digest of the event, so the same fact appended twice carries the same id.
    """
    return headers_of(encode(event), type_of(type(event)), traceparent)


def headers_of(raw: bytes, type_: str, traceparent: str) -> list[tuple[str, bytes]]:
    """The same, of an event that is encoded already."""
    return [
        _SPECVERSION,
        ("ce_type", type_.encode()),
        _SOURCE,
        ("ce_id", identity_of(raw)),
        _CONTENT_TYPE,
        ("traceparent", traceparent.encode()),
    ]


def identity_of(raw: bytes) -> bytes:
    """What an encoded event carries as its `ce_id`."""
    return blake2b(raw, digest_size=16).hexdigest().encode()


def type_of(event: type[Event]) -> str:
    """The event's name on the wire, such as `media.ready.v1`."""
    return str(event.__struct_config__.tag)
