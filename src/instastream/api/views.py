"""What users, posts and pages look like in JSON."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from instastream import events, profiles
from instastream.api.fields import (
    IMAGES,
    SIZE_DEFAULT,
    Cursor,
    SnowflakeId,
    Timestamp,
    UploadId,
    UsersCursor,
    timestamp,
)
from instastream.deps import Deps
from instastream.ids import MediaId, UserId
from instastream.media_urls import media_url
from instastream.reading.totals import Numbers
from instastream.relations import Relations
from instastream.stores import posts, users
from instastream.uploads import is_video

Url = Callable[[str], str]  # where clients find an object, by its key
NOBODY_ASKED: Mapping[MediaId, float] = MappingProxyType({})


class User(Struct, frozen=True):
    """Someone who joined."""

    id: SnowflakeId
    username: str
    private: Annotated[bool, Meta(description="Only followers they let in see what they share.")]


class Relation(Struct, frozen=True):
    """What whoever asks is to a user."""

    following: bool
    requested: Annotated[bool, Meta(description="Has asked to follow, and waits.")]
    blocked: bool
    muted: bool


class Profile(User, frozen=True):
    """Someone as whoever asks sees them."""

    joined_at: Timestamp
    follower_count: int
    following_count: int
    visible: Annotated[bool, Meta(description="Whether their posts and lists can be read.")]
    relation: Annotated[Relation | None, Meta(description="Null of oneself.")]


class Users(Struct, frozen=True):
    """Some users; `next_cursor` is null on the last page."""

    users: list[User]
    next_cursor: UsersCursor | None


class Image(Struct, frozen=True):
    """A rendering as the edge serves it; its URL always shows the same bytes."""

    url: str
    width: int
    height: int
    size_bytes: int = field(name="bytes")


class Rung(Struct, frozen=True):
    """One size that a player may choose."""

    name: Annotated[str, Meta(examples=["720p"])]
    width: int
    height: int
    bits_per_s: int


class Video(Struct, frozen=True):
    """A video as the edge streams it (HLS): `url` is its master playlist."""

    url: str
    width: int
    height: int
    duration_ms: int
    rungs: list[Rung]
    size_bytes: int = field(name="bytes")


class Failure(Struct, frozen=True):
    """Why a post's media can't be shown: a stable reason, and a sentence."""

    reason: Annotated[str, Meta(examples=["not-an-image"])]
    detail: str


class Media(Struct, frozen=True, kw_only=True):
    """One media of a post; until it is rendered it has an id and a description only."""

    id: UploadId
    kind: Literal["image", "video"]
    alt_text: str
    images: Annotated[
        dict[str, Image],
        Meta(
            description="Every rendering, by size; of a video, its poster.",
            extra_json_schema={"propertyNames": {"enum": list(IMAGES)}},
        ),
    ]
    image: Annotated[Image | None, Meta(description="The rendering of the size asked for.")]
    video: Annotated[Video | None, Meta(description="Of a video that is rendered.")]
    percent: Annotated[
        float | None,
        Meta(description="How far its transcode is, where a single post that has none is read."),
    ]
    thumbhash: Annotated[
        str | None,
        Meta(description="A blurred preview (ThumbHash, base64).", examples=["3OcRJYB4"]),
    ]
    colour: Annotated[str | None, Meta(description="The dominant one.", examples=["#7d5a3c"])]


class Uncounted(Struct, frozen=True, kw_only=True):
    """A post, but for what is counted of it."""

    id: SnowflakeId
    author_id: SnowflakeId
    status: Literal["processing", "ready", "failed"]
    caption: str
    created_at: Timestamp
    media: Annotated[list[Media], Meta(description="In the order in which they are shown.")]
    failure: Failure | UnsetType = UNSET


class Post(Uncounted, frozen=True, kw_only=True):
    """A post. It is `ready` when all of its media are; until then only its author sees it."""

    like_count: int
    comment_count: Annotated[int, Meta(description="Replies, too.")]
    liked: Annotated[bool, Meta(description="By whoever asks.")]
    as_of: Annotated[
        Timestamp | None,
        Meta(description="When the last happened that is counted; null where nothing ever did."),
    ]


class Page(Struct, frozen=True):
    """Some posts, newest first; `next_cursor` is null on the last page."""

    posts: list[Post]
    next_cursor: Cursor | None


def show_user(user: users.User) -> User:
    """Someone in a list."""
    return User(user.user_id, user.username, user.private)


def show_profile(profile: profiles.Profile) -> Profile:
    """Someone by themselves."""
    user = profile.user
    return Profile(
        id=user.user_id,
        username=user.username,
        private=user.private,
        joined_at=timestamp(user.joined_ms),
        follower_count=profile.followers_count,
        following_count=profile.following_count,
        visible=profile.is_visible,
        relation=_relation(user.user_id, profile.relations),
    )


def _relation(user_id: UserId, relations: Relations | None) -> Relation | None:
    if relations is None:
        return None
    return Relation(
        following=user_id in relations.following,
        requested=user_id in relations.requested,
        blocked=user_id in relations.blocks,
        muted=user_id in relations.mutes,
    )


def show_post(
    post: posts.Post,
    *,
    viewer: UserId,
    url: Url,
    size: str = SIZE_DEFAULT,
    percents: Mapping[MediaId, float] = NOBODY_ASKED,
) -> Uncounted:
    """A post as its viewer may see it; `percents` say how far its transcodes are."""
    assert post.status != "deleted"
    return Uncounted(
        id=post.post_id,
        author_id=post.author_id,
        status=post.status,
        caption=post.caption,
        created_at=timestamp(post.created_ms),
        media=[
            _show_media(media, url=url, size=size, percent=percents.get(media.media_id))
            for media in post.media
        ],
        failure=_failure(post, viewer),
    )


def encode_post(post: posts.Post, size: str, deps: Deps) -> bytes:
    """The JSON of a post up to its numbers: as everyone sees it once ready, its author before."""
    url = partial(media_url, deps.settings, now_s=deps.now_ms() // 1000)
    return uncounted_json(show_post(post, viewer=post.author_id, url=url, size=size))


def uncounted_json(shown: Uncounted) -> bytes:
    """The JSON of a post up to its numbers, which `numbers_json` makes whole."""
    return msgspec.json.encode(shown)[:-1]


def numbers_json(numbers: Numbers) -> bytes:
    """The end of a post's JSON: made once a second, and put beside what stays."""
    as_of = msgspec.json.encode(timestamp(numbers.at_ms) if numbers.at_ms else None)
    liked = b"true" if numbers.liked else b"false"
    return b',"like_count":%d,"comment_count":%d,"liked":%b,"as_of":%b}' % (
        numbers.likes,
        numbers.comments,
        liked,
        as_of,
    )


def _show_media(media: posts.Media, *, url: Url, size: str, percent: float | None) -> Media:
    rendered = media.rendered
    images = {
        variant.name: Image(
            url=url(variant.key),
            width=variant.width,
            height=variant.height,
            size_bytes=variant.size_bytes,
        )
        for variant in (rendered.variants if rendered else [])
    }
    return Media(
        id=media.media_id,
        kind="video" if is_video(media.content_type) else "image",
        alt_text=media.alt_text,
        images=images,
        image=images.get(size),
        percent=percent,
        video=_show_video(rendered.video, url) if rendered and rendered.video else None,
        thumbhash=(rendered.thumbhash or None) if rendered else None,
        colour=(rendered.colour or None) if rendered else None,
    )


def _show_video(video: events.Video, url: Url) -> Video:
    return Video(
        url=url(video.key),
        width=video.width,
        height=video.height,
        duration_ms=video.duration_ms,
        rungs=[Rung(one.name, one.width, one.height, one.bits_per_s) for one in video.rungs],
        size_bytes=video.size_bytes,
    )


def _failure(post: posts.Post, viewer: UserId) -> Failure | UnsetType:
    if post.status != "failed" or post.failure is None or post.author_id != viewer:
        return UNSET
    return Failure(post.failure.reason, post.failure.detail)
