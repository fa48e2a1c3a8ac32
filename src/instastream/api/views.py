"""What users, posts and pages look like in JSON."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from instastream import queries
from instastream.api.cursors import cursor_after
from instastream.api.fields import SIZE_DEFAULT, SIZES, Cursor, SnowflakeId, Timestamp
from instastream.ids import UserId
from instastream.settings import Settings
from instastream.stores import posts, users


class User(Struct, frozen=True):
    """Someone who joined."""

    id: SnowflakeId
    username: str
    joined_at: Timestamp


class Image(Struct, frozen=True):
    """A rendering as the edge serves it; its URL always shows the same bytes."""

    url: str
    width: int
    height: int
    size_bytes: int = field(name="bytes")


class Failure(Struct, frozen=True):
    """Why a post's media can't be shown: a stable reason, and a sentence."""

    reason: Annotated[str, Meta(examples=["not-an-image"])]
    detail: str


class Post(Struct, frozen=True, kw_only=True):
    """A post. Until it is `ready` only its author sees it, and it has no media."""

    id: SnowflakeId
    author_id: SnowflakeId
    status: Literal["processing", "ready", "failed"]
    caption: str
    alt_text: str
    created_at: Timestamp
    media: Annotated[
        dict[str, Image],
        Meta(
            description="Every rendering, by size.",
            extra_json_schema={"propertyNames": {"enum": list(SIZES)}},
        ),
    ]
    image: Annotated[Image | None, Meta(description="The rendering of the size asked for.")]
    failure: Failure | UnsetType = UNSET


class Page(Struct, frozen=True):
    """Some posts, newest first; `next_cursor` is null on the last page."""

    posts: list[Post]
    next_cursor: Cursor | None


def show_user(user: users.User) -> User:
    """A profile."""
    return User(user.user_id, user.username, _at(user.joined_ms))


def show_post(
    post: posts.Post, *, viewer: UserId, settings: Settings, size: str = SIZE_DEFAULT
) -> Post:
    """A post as its viewer may see it."""
    media = {
        variant.name: Image(
            url=f"{settings.media_url}/{variant.key}",
            width=variant.width,
            height=variant.height,
            size_bytes=variant.size_bytes,
        )
        for variant in post.variants
    }
    return Post(
        id=post.post_id,
        author_id=post.author_id,
        status=post.status,
        caption=post.caption,
        alt_text=post.alt_text,
        created_at=_at(post.created_ms),
        media=media,
        image=media.get(size),
        failure=_failure(post, viewer),
    )


def show_page(page: queries.Page, *, viewer: UserId, settings: Settings, size: str) -> Page:
    """A page of posts."""
    return Page(
        [show_post(post, viewer=viewer, settings=settings, size=size) for post in page.posts],
        cursor_after(page.after) if page.after else None,
    )


def _failure(post: posts.Post, viewer: UserId) -> Failure | UnsetType:
    if post.status != "failed" or post.failure is None or post.author_id != viewer:
        return UNSET
    return Failure(post.failure.reason, post.failure.detail)


def _at(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)
