"""Every fact this system remembers: its fields, its topic and its key."""

from hashlib import blake2b
from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from instastream.errors import Corrupt
from instastream.ids import SNOWFLAKE_PATTERN, UUID_PATTERN, MediaId, PostId, UserId

User = Annotated[UserId, Meta(pattern=SNOWFLAKE_PATTERN)]
Post = Annotated[PostId, Meta(pattern=SNOWFLAKE_PATTERN)]
Media = Annotated[MediaId, Meta(pattern=UUID_PATTERN)]
Count = Annotated[int, Meta(ge=0)]
MediaCount = Annotated[int, Meta(ge=1)]


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A past fact; `at_ms` is when it became one, in Unix milliseconds."""

    topic: ClassVar[str]
    key_field: ClassVar[str]

    at_ms: Count

    @property
    def key(self) -> str:
        """What orders it: events of one key share a partition."""
        return str(getattr(self, self.key_field))


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


class UserFollowed(Event, frozen=True, kw_only=True, tag="user.followed.v1"):
    """`follower_id` wants to see what `followee_id` posts."""

    topic = "graph"
    key_field = "follower_id"

    follower_id: User
    followee_id: User


class UserUnfollowed(Event, frozen=True, kw_only=True, tag="user.unfollowed.v1"):
    """`follower_id` no longer wants to see what `followee_id` posts."""

    topic = "graph"
    key_field = "follower_id"

    follower_id: User
    followee_id: User


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
    alt_texts: list[AltText] = []


class PostDeleted(Event, frozen=True, kw_only=True, tag="post.deleted.v1"):
    """The author took a post back, for good."""

    topic = "posts"
    key_field = "post_id"

    post_id: Post
    author_id: User


class FanoutPage(Event, frozen=True, kw_only=True, tag="fanout.page.v1"):
    """Work: push a post to the followers in `bucket` that come after `after` ("" for all)."""

    topic = "fanout"
    key_field = "page"

    post_id: Post
    author_id: User
    bucket: Count
    after: str

    @property
    def page(self) -> str:
        """Spreads the pages of one post over the partitions."""
        return f"{self.post_id}:{self.bucket}"


AnyEvent = (
    UserJoined
    | UserFollowed
    | UserUnfollowed
    | UploadFinalized
    | MediaReady
    | MediaFailed
    | PostEdited
    | PostDeleted
    | FanoutPage
)
EVENTS: tuple[type[Event], ...] = AnyEvent.__args__

E = TypeVar("E", bound=Event, covariant=True)


class Record(Struct, Generic[E], frozen=True):
    """An event and where it stands in the log."""

    event: E
    partition: int
    offset: int


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


def headers(event: Event, traceparent: str) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 in binary mode, and the W3C trace that led here.

    `ce_id` is a digest of the event, so the same fact appended twice carries the same id.
    """
    identity = blake2b(encode(event), digest_size=16).hexdigest()
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", type_of(type(event)).encode()),
        ("ce_source", b"instastream"),
        ("ce_id", identity.encode()),
        ("content-type", b"application/json"),
        ("traceparent", traceparent.encode()),
    ]


def type_of(event: type[Event]) -> str:
    """The event's name on the wire, such as `media.ready.v1`."""
    return str(event.__struct_config__.tag)
