"""What is shown of comments: a thread page by page, or one, to who may see the post."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from instastream.access import find_post, no_such_comment
from instastream.deps import Deps
from instastream.ids import CommentId, PostId, UserId
from instastream.reading.known import Known
from instastream.reading.totals import Numbers
from instastream.stores.comments import Comment, Order
from instastream.stores.users import User


class Shown(Struct, frozen=True):
    """A comment as a viewer sees it; one that is deleted only keeps the place of its replies."""

    comment: Comment
    author: User
    numbers: Numbers


class Page(Struct, frozen=True):
    """Some of a thread, and the comment to go on from, None at the end."""

    shown: list[Shown]
    after: CommentId | None


async def get(
    post_id: PostId, comment_id: CommentId, viewer: UserId, known: Known, deps: Deps
) -> Shown:
    """One comment; raises Rejected("comment-not-found")."""
    await find_post(post_id, viewer, deps)
    found = (await deps.comments.get([comment_id])).values()
    shown = await show([one for one in found if one.post_id == post_id], viewer, known, deps)
    if not shown:
        raise no_such_comment(comment_id)
    return shown[0]


async def of_post(
    post_id: PostId,
    viewer: UserId,
    *,
    order: Order,
    after: CommentId | None,
    limit: int,
    known: Known,
    deps: Deps,
) -> Page:
    """A page of what is said about a post."""
    await find_post(post_id, viewer, deps)
    return await _page(
        post_id, viewer, order=order, after=after, limit=limit, known=known, deps=deps
    )


async def replies(
    post_id: PostId,
    comment_id: CommentId,
    viewer: UserId,
    *,
    after: CommentId | None,
    limit: int,
    known: Known,
    deps: Deps,
) -> Page:
    """A page of the replies to a comment, oldest first."""
    await get(post_id, comment_id, viewer, known, deps)
    return await _page(
        comment_id, viewer, order="oldest", after=after, limit=limit, known=known, deps=deps
    )


async def _page(
    thread_id: str,
    viewer: UserId,
    *,
    order: Order,
    after: CommentId | None,
    limit: int,
    known: Known,
    deps: Deps,
) -> Page:
    """Without what is not for the viewer, never short while there is more."""
    shown: list[Shown] = []
    while len(shown) <= limit:
        stand = await deps.comments.thread(thread_id, order=order, after=after, limit=limit + 1)
        shown += await show(stand, viewer, known, deps)
        if len(stand) <= limit:
            break
        after = stand[-1].comment_id
    more = len(shown) > limit
    return Page(shown[:limit], shown[limit - 1].comment.comment_id if more else None)


async def show(
    comments: Sequence[Comment], viewer: UserId, known: Known, deps: Deps
) -> list[Shown]:
    """Those of some comments that a viewer sees.

    Not those of whom the viewer blocks or who block them, nor one that is deleted and has no
    replies. All that decides it is loaded in bulk.
    """
    authors = {comment.author_id for comment in comments}
    users, relations, numbers = await asyncio.gather(
        deps.users.get_all(authors),
        deps.graph.relations(viewer, among=authors),
        known.numbers(viewer, {comment.comment_id: 1 for comment in comments}),
    )
    seen = users.keys() - relations.blocks - relations.blocked_by
    return [
        Shown(comment, users[comment.author_id], numbers[comment.comment_id])
        for comment in comments
        if comment.author_id in seen
        and (numbers[comment.comment_id].comments or not comment.deleted)
    ]
