"""Posts: make uploads one, change and delete it, look at one, and at all of a user's."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from instastream import access, commands, queries
from instastream.api.fields import AltText, Caption, UploadId
from instastream.api.operations import NOTHING, Answer, Asked, Encoded, Nothing, Operation
from instastream.api.pages import PageQuery, SizeQuery, answer_page, before
from instastream.api.views import (
    Page,
    Post,
    Uncounted,
    numbers_json,
    show_post,
    uncounted_json,
)
from instastream.commands import Draft, DraftMedia
from instastream.ids import parse_post_id, parse_user_id
from instastream.limits import MEDIA_MAX
from instastream.pacing import pace
from instastream.reading import finding, pages
from instastream.stores import posts


class NewMedia(Struct, frozen=True, forbid_unknown_fields=True):
    """An upload, and what it shows, for those who can't see it."""

    media_id: UploadId
    alt_text: AltText = ""


class NewPost(Struct, frozen=True, forbid_unknown_fields=True):
    """What a post is made of, in the order in which it is shown."""

    media: Annotated[list[NewMedia], Meta(min_length=1, max_length=MEDIA_MAX)]
    caption: Caption = ""


class MediaEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """Another description of one of a post's media."""

    media_id: UploadId
    alt_text: AltText


class PostEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """Other words; what is left out stays as it is."""

    caption: Caption | UnsetType = UNSET
    media: Annotated[list[MediaEdit], Meta(max_length=MEDIA_MAX)] = []


async def finalize(asked: Asked[Nothing, NewPost]) -> Answer[Encoded]:
    """The post, as yet without its media."""
    new, deps = asked.body, asked.deps
    await pace("posts", asked.viewer, deps)
    media = [DraftMedia(one.media_id, one.alt_text) for one in new.media]
    draft = Draft(caption=new.caption, media=media)
    post = await commands.finalize(
        asked.viewer, draft, idempotency_key=asked.idempotency_key, deps=deps
    )
    shown = show_post(post, viewer=asked.viewer, url=asked.media_url)
    return Answer(await _counted(post, shown, asked), {"location": f"/v1/posts/{post.post_id}"})


async def get(asked: Asked[SizeQuery, Nothing]) -> Answer[Encoded]:
    """A post, if whoever asks may see it."""
    viewer, deps, size = asked.viewer, asked.deps, asked.query.size
    post_id = parse_post_id(asked.path["post_id"])
    shown, numbers = await finding.read_post(post_id, viewer, size=size, known=asked.known)
    if shown.ready:
        return Answer(shown.body + numbers)
    post = await access.find_post(post_id, viewer, deps)
    percents = await queries.percents(post, deps)
    own = show_post(post, viewer=viewer, url=asked.media_url, size=size, percents=percents)
    return Answer(uncounted_json(own) + numbers)


async def edit(asked: Asked[SizeQuery, PostEdit]) -> Answer[Encoded]:
    """The post with its new words."""
    viewer, deps, body = asked.viewer, asked.deps, asked.body
    post_id = parse_post_id(asked.path["post_id"])
    await pace("posts", viewer, deps)
    post = await commands.edit(
        viewer,
        post_id,
        caption=None if body.caption is UNSET else body.caption,
        alt_texts={one.media_id: one.alt_text for one in body.media},
        deps=deps,
    )
    shown = show_post(post, viewer=viewer, url=asked.media_url, size=asked.query.size)
    return Answer(await _counted(post, shown, asked))


async def _counted(post: posts.Post, shown: Uncounted, asked: Asked[Any, Any]) -> bytes:
    """The post with its numbers, as whoever asks sees them."""
    numbers = await asked.known.numbers(asked.viewer, {post.post_id: post.like_shards})
    return uncounted_json(shown) + numbers_json(numbers[post.post_id])


async def delete(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Nothing is left to show."""
    await commands.delete(asked.viewer, parse_post_id(asked.path["post_id"]), asked.deps)
    return Answer(NOTHING)


async def by_user(asked: Asked[PageQuery, Nothing]) -> Answer[Encoded]:
    """Those of a user's posts that whoever asks may see."""
    author_id = parse_user_id(asked.path["user_id"])
    of = f"posts/{author_id}/{asked.viewer}"
    page = await pages.read_timeline(
        author_id,
        asked.viewer,
        before=before(asked, of=of),
        limit=asked.query.limit,
        size=asked.query.size,
        known=asked.known,
        deps=asked.deps,
    )
    return answer_page(page, f"/v1/users/{author_id}/posts", asked, of=of)


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/posts",
        summary="Finalize: make uploads a post; again answers the same post",
        endpoint=finalize,
        query=Nothing,
        body=NewPost,
        shown=Post,
        status=202,
        headers=("location",),
        problems=(
            "upload-not-found",
            "upload-missing",
            "upload-incomplete",
            "upload-aborted",
            "upload-mismatch",
            "upload-expired",
            "upload-already-used",
            "idempotency-key-reused",
        ),
        idempotency_key=True,
        paces=("posts",),
    ),
    Operation(
        method="GET",
        path="/v1/posts/{post_id}",
        summary="Look at a post",
        endpoint=get,
        query=SizeQuery,
        body=Nothing,
        shown=Post,
        problems=("post-not-found",),
    ),
    Operation(
        method="PATCH",
        path="/v1/posts/{post_id}",
        summary="Change the words of an own post",
        endpoint=edit,
        query=SizeQuery,
        body=PostEdit,
        shown=Post,
        problems=("post-not-found", "not-your-post"),
        paces=("posts",),
    ),
    Operation(
        method="DELETE",
        path="/v1/posts/{post_id}",
        summary="Delete an own post, for good; again changes nothing",
        endpoint=delete,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        problems=("post-not-found", "not-your-post"),
    ),
    Operation(
        method="GET",
        path="/v1/users/{user_id}/posts",
        summary="Look at a user's posts, newest first",
        endpoint=by_user,
        query=PageQuery,
        body=Nothing,
        shown=Page,
        headers=("link", "etag", "cache-control"),
        problems=("user-not-found", "account-private", "user-blocked", "invalid-cursor"),
        conditional=True,
    ),
)
