"""What a reader may get at: what decides it is loaded in bulk, then judged by `visibility`."""

import asyncio

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import CommentId, PostId, UserId
from instastream.relations import Relations
from instastream.stores.comments import Comment
from instastream.stores.posts import Post
from instastream.stores.users import User
from instastream.visibility import hindrance, sees, walled_off


async def find_post(post_id: PostId, viewer: UserId, deps: Deps) -> Post:
    """A post that a viewer may see; raises Rejected("post-not-found")."""
    post = (await deps.posts.get([post_id])).get(post_id)
    if post is not None and not post.deleted:
        author, relations = await asyncio.gather(
            deps.users.get(post.author_id),
            deps.graph.relations(viewer, among={post.author_id}),
        )
        is_ready = post.status == "ready"
        if author is not None and sees(viewer, author, relations, is_ready=is_ready):
            return post
    raise no_such_post(post_id)


def no_such_post(post_id: PostId) -> Rejected:
    """What is said of a post that is not there, or not to be seen."""
    return Rejected("post-not-found", f"there is no post {post_id}")


async def find_comment(
    post_id: PostId,
    comment_id: CommentId,
    viewer: UserId,
    deps: Deps,
    *,
    deleted_too: bool = False,
) -> Comment:
    """A comment, with its words unless deleted ones are wanted, of a post that a viewer may see.

    Raises Rejected("comment-not-found") also where one of the viewer and its author blocks the
    other, or of the viewer and the author of what it replies to: under what is not there, nothing
    is.
    """
    comment = (await deps.comments.get([comment_id])).get(comment_id)
    if comment is None or comment.post_id != post_id or (comment.deleted and not deleted_too):
        raise no_such_comment(comment_id)
    await _check_thread(comment, viewer, deps)
    return comment


async def _check_thread(comment: Comment, viewer: UserId, deps: Deps) -> None:
    authors = {comment.author_id}
    if comment.reply_to is not None:
        parent = (await deps.comments.get([comment.reply_to])).get(comment.reply_to)
        if parent is None:
            raise no_such_comment(comment.comment_id)
        authors.add(parent.author_id)
    if walled_off(await deps.graph.relations(viewer, among=authors)) & authors:
        raise no_such_comment(comment.comment_id)


def no_such_comment(comment_id: CommentId) -> Rejected:
    """What is said of a comment that is not there, or not to be seen."""
    return Rejected("comment-not-found", f"there is no comment {comment_id}")


async def find_user(user_id: UserId, viewer: UserId, deps: Deps) -> tuple[User, Relations]:
    """Someone whom a viewer may know of, and what the viewer is to them.

    Raises Rejected("user-not-found") also for whoever blocks the viewer.
    """
    user, relations = await asyncio.gather(
        deps.users.get(user_id), deps.graph.relations(viewer, among={user_id})
    )
    if user is None or user_id in relations.blocked_by:
        raise no_such_user(user_id)
    return user, relations


async def check_account(user_id: UserId, viewer: UserId, deps: Deps) -> None:
    """Raise Rejected, saying why, unless a viewer may see someone's posts and lists."""
    user, relations = await find_user(user_id, viewer, deps)
    admit(viewer, user, relations)


def admit(viewer: UserId, user: User, relations: Relations) -> None:
    """Raise Rejected, saying why, unless a viewer may see someone's posts and lists."""
    match hindrance(viewer, user, relations):
        case "blocked-by":
            raise no_such_user(user.user_id)
        case "blocks":
            raise Rejected("user-blocked", f"you block {user.username}")
        case "private":
            raise Rejected("account-private", f"only followers see what {user.username} shares")


async def existing_user(user_id: UserId, deps: Deps) -> User:
    """Anyone who joined; raises Rejected("user-not-found")."""
    user = await deps.users.get(user_id)
    if user is None:
        raise no_such_user(user_id)
    return user


def no_such_user(user_id: UserId) -> Rejected:
    """What is said of who never joined, and to whom they block."""
    return Rejected("user-not-found", f"there is no user {user_id}")
