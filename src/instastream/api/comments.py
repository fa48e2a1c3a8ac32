"""Comments: say something about a post, reply, change and delete it, and read what was said."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from instastream import commenting
from instastream.api.comment_views import Comment, Comments, show_comment
from instastream.api.cursors import link_after, place_of
from instastream.api.fields import CommentsCursor, CommentText, PageLength, SnowflakeId
from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.ids import CommentId, PostId, parse_comment_id, parse_post_id
from instastream.limits import PAGE_LENGTH_DEFAULT
from instastream.reading import comments


class NewComment(Struct, frozen=True, forbid_unknown_fields=True):
    """What to say, and to whom."""

    text: CommentText
    reply_to: Annotated[
        SnowflakeId | None, Meta(description="A comment that is no reply itself.")
    ] = None


class CommentEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """Other words."""

    text: CommentText


class RepliesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list of comments to show."""

    limit: PageLength = PAGE_LENGTH_DEFAULT
    cursor: CommentsCursor | UnsetType = UNSET


class CommentsQuery(RepliesQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page, and in which order."""

    order: Annotated[Literal["newest", "oldest"], Meta(description="Which come first.")] = "newest"


async def add(asked: Asked[Nothing, NewComment]) -> Answer[Comment]:
    """The new comment."""
    post_id = parse_post_id(asked.path["post_id"])
    reply_to = asked.body.reply_to
    comment = await commenting.add(
        asked.viewer,
        post_id,
        text=asked.body.text,
        reply_to=None if reply_to is None else CommentId(reply_to),
        idempotency_key=asked.idempotency_key,
        known=asked.known,
        deps=asked.deps,
    )
    shown = show_comment(await comments.own(comment, asked.known, asked.deps))
    return Answer(shown, {"location": f"/v1/posts/{post_id}/comments/{comment.comment_id}"})


async def get(asked: Asked[Nothing, Nothing]) -> Answer[Comment]:
    """A comment, if whoever asks may see it."""
    shown = await comments.get(*_named(asked), asked.viewer, asked.known, asked.deps)
    return Answer(show_comment(shown))


async def edit(asked: Asked[Nothing, CommentEdit]) -> Answer[Comment]:
    """The comment with its new words."""
    post_id, comment_id = _named(asked)
    comment = await commenting.edit(
        asked.viewer, post_id, comment_id, text=asked.body.text, deps=asked.deps
    )
    return Answer(show_comment(await comments.own(comment, asked.known, asked.deps)))


async def delete(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Nothing is left to show."""
    await commenting.delete(asked.viewer, *_named(asked), asked.deps)
    return Answer(NOTHING)


async def of_post(asked: Asked[CommentsQuery, Nothing]) -> Answer[Comments]:
    """Those that whoever asks may see."""
    post_id, order = parse_post_id(asked.path["post_id"]), asked.query.order
    path, of = f"/v1/posts/{post_id}/comments", f"comments/{post_id}/{order}/{asked.viewer}"
    page = await comments.of_post(
        post_id,
        asked.viewer,
        order=order,
        after=_after(asked, of=of),
        limit=asked.query.limit,
        known=asked.known,
        deps=asked.deps,
    )
    return _answer(page, f"{path}?order={order}&", asked, of=of)


async def replies(asked: Asked[RepliesQuery, Nothing]) -> Answer[Comments]:
    """Those that whoever asks may see."""
    post_id, comment_id = _named(asked)
    path = f"/v1/posts/{post_id}/comments/{comment_id}/replies"
    of = f"replies/{comment_id}/{asked.viewer}"
    page = await comments.replies(
        post_id,
        comment_id,
        asked.viewer,
        after=_after(asked, of=of),
        limit=asked.query.limit,
        known=asked.known,
        deps=asked.deps,
    )
    return _answer(page, f"{path}?", asked, of=of)


def _named(
    asked: Asked[Nothing, Nothing] | Asked[Nothing, CommentEdit] | Asked[RepliesQuery, Nothing],
) -> tuple[PostId, CommentId]:
    return parse_post_id(asked.path["post_id"]), parse_comment_id(asked.path["comment_id"])


Paged = Asked[CommentsQuery, Nothing] | Asked[RepliesQuery, Nothing]


def _after(asked: Paged, *, of: str) -> CommentId | None:
    place = place_of(asked.query.cursor, of=of, key=asked.deps.settings.token_key)
    return None if place is None else CommentId(place)


def _answer(page: comments.Page, path: str, asked: Paged, *, of: str) -> Answer[Comments]:
    """A page, and a Link to the next one."""
    shown = [show_comment(one) for one in page.shown]
    if page.after is None:
        return Answer(Comments(shown, None))
    target = f"{path}limit={asked.query.limit}"
    key = asked.deps.settings.token_key
    cursor, link = link_after(page.after, target, of=of, key=key)
    return Answer(Comments(shown, cursor), {"link": link})


COMMENTS = "/v1/posts/{post_id}/comments"
COMMENT = f"{COMMENTS}/{{comment_id}}"

OPERATIONS = (
    Operation(
        method="POST",
        path=COMMENTS,
        summary="Say something about a post, or reply to a comment",
        endpoint=add,
        query=Nothing,
        body=NewComment,
        shown=Comment,
        status=201,
        headers=("location",),
        problems=(
            "post-not-found",
            "post-not-ready",
            "comment-not-found",
            "reply-too-deep",
            "too-many-mentions",
            "idempotency-key-reused",
        ),
        paces=("comments",),
        idempotency_key=True,
    ),
    Operation(
        method="GET",
        path=COMMENTS,
        summary="Look at what is said about a post",
        endpoint=of_post,
        query=CommentsQuery,
        body=Nothing,
        shown=Comments,
        headers=("link",),
        problems=("post-not-found", "invalid-cursor"),
    ),
    Operation(
        method="GET",
        path=COMMENT,
        summary="Look at a comment",
        endpoint=get,
        query=Nothing,
        body=Nothing,
        shown=Comment,
        problems=("post-not-found", "comment-not-found"),
    ),
    Operation(
        method="PATCH",
        path=COMMENT,
        summary="Change the words of an own comment",
        endpoint=edit,
        query=Nothing,
        body=CommentEdit,
        shown=Comment,
        problems=(
            "post-not-found",
            "comment-not-found",
            "not-your-comment",
            "too-many-mentions",
        ),
        paces=("comments",),
    ),
    Operation(
        method="DELETE",
        path=COMMENT,
        summary="Delete an own comment, or one about an own post, for good; again changes nothing",
        endpoint=delete,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        problems=("post-not-found", "comment-not-found", "not-your-comment"),
    ),
    Operation(
        method="GET",
        path=f"{COMMENT}/replies",
        summary="Look at the replies to a comment, oldest first",
        endpoint=replies,
        query=RepliesQuery,
        body=Nothing,
        shown=Comments,
        headers=("link",),
        problems=("post-not-found", "comment-not-found", "invalid-cursor"),
    ),
)
