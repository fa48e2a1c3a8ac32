"""What is shown of comments: a thread page by page, or one, to who may see the post."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from instastream.access import find_comment, no_such_comment
from instastream.comments import Mention
from instastream.deps import Deps
from instastream.ids import CommentId, PostId, UserId
from instastream.reading.finding import find
from instastream.reading.known import Known
from instastream.reading.totals import Numbers
from instastream.stores.comments import Comment, Order
from instastream.stores.users import User
from instastream.visibility import walled_off
from instastream.walking import Step, Walked, walk


class Shown(Struct, frozen=True):
    """A comment as a viewer sees it; one that is deleted only keeps the place of its replies."""

    comment: Comment
    author: User
    mentions: list[Mention]  # of whom the viewer may know
    numbers: Numbers


Page: TypeAlias = Walked[CommentId | None, Shown]  # some of a thread


async def get(
    post_id: PostId, comment_id: CommentId, viewer: UserId, known: Known, deps: Deps
) -> Shown:
    """One comment; raises Rejected("comment-not-found")."""
    await find(post_id, viewer, known)
    comment = await find_comment(post_id, comment_id, viewer, deps, deleted_too=True)
    shown = await show([comment], viewer, known, deps)
    if not shown:
        raise no_such_comment(comment_id)
    return shown[0]


async def own(comment: Comment, known: Known, deps: Deps) -> Shown:
    """One's own, also where its post can't be seen any more: it was said all the same."""
    [shown] = await show([comment], comment.author_id, known, deps)
    return shown


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
    await find(post_id, viewer, known)
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
    """Without what is not for the viewer."""

    async def read(after: CommentId | None, count: int) -> Step[CommentId | None, Shown]:
        stand = await deps.comments.thread(thread_id, order=order, after=after, limit=count)
        shown = await show(stand, viewer, known, deps)
        last = stand[-1].comment_id if len(stand) == count else None
        return Step([(one.comment.comment_id, one) for one in shown], last)

    return await walk(read, after=after, limit=limit)


async def show(
    comments: Sequence[Comment], viewer: UserId, known: Known, deps: Deps
) -> list[Shown]:
    """Those of some comments that a viewer sees.

    Not those of whom the viewer blocks or who block them, who are not among the mentioned either,
    nor one that is deleted and has no replies. All that decides it is loaded in bulk.
    """
    authors = {comment.author_id for comment in comments}
    mentioned = {one.user_id for comment in comments for one in comment.mentions}
    users, relations, numbers = await asyncio.gather(
        deps.users.get_all(authors),
        deps.graph.relations(viewer, among=authors | mentioned),
        known.numbers(viewer, {comment.comment_id: 1 for comment in comments}),
    )
    hidden = walled_off(relations)
    seen = users.keys() - hidden
    return [
        Shown(
            comment,
            author=users[comment.author_id],
            mentions=[one for one in comment.mentions if one.user_id not in hidden],
            numbers=numbers[comment.comment_id],
        )
        for comment in comments
        if comment.author_id in seen
        and (numbers[comment.comment_id].comments or not comment.deleted)
    ]
