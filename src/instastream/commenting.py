"""What clients may do about comments: add, edit and delete them.

Each is safe to repeat, with an Idempotency-Key also to add: after an Unavailable, the same call
again completes it.
"""

from hashlib import blake2b

import msgspec

from instastream.access import find_comment, find_post, no_such_comment
from instastream.comments import CommentAdded, CommentDeleted, CommentEdited, CommentEvent, Mention
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import decode, encode
from instastream.handlers.engagement import record_comment
from instastream.idempotency import bind, recall
from instastream.ids import CommentId, PostId, UserId
from instastream.limits import COMMENT_BUCKET_LENGTH
from instastream.pacing import pace
from instastream.reading.finding import find_ready
from instastream.reading.known import Known
from instastream.stores.comments import Comment
from instastream.stores.uploads import Request
from instastream.texts import check_readable, mentioned


async def add(
    author_id: UserId,
    post_id: PostId,
    *,
    text: str,
    reply_to: CommentId | None,
    idempotency_key: str | None,
    known: Known,
    deps: Deps,
) -> Comment:
    """Say something about a post, or reply to who did; once for each Idempotency-Key.

    Repeated it is answered whatever became of the post meanwhile, and of who is replied to.
    """
    digest = _digest(post_id, reply_to, text)
    kept = await recall(idempotency_key, author_id, digest, deps)
    if kept and (standing := await _standing(kept, deps)):
        return standing
    await find_ready(post_id, author_id, known)
    if reply_to is not None:
        parent = await find_comment(post_id, reply_to, author_id, deps)
        if parent.reply_to is not None:
            raise Rejected("reply-too-deep", f"reply to {parent.reply_to}, which this replies to")
    check_readable(text)
    usernames = mentioned(text)
    await pace("comments", author_id, deps)
    event = CommentAdded(
        comment_id=CommentId(await deps.ids.mint()),
        post_id=post_id,
        reply_to=reply_to,
        bucket=await _open_bucket(reply_to or post_id, deps),
        author_id=author_id,
        text=text,
        mentions=await _mentions(usernames, author_id, deps),
        at_ms=deps.now_ms(),
    )
    return await _add_once(event, Request(digest, encode(event).decode()), idempotency_key, deps)


async def _add_once(event: CommentAdded, request: Request, key: str | None, deps: Deps) -> Comment:
    """A repeated request has the event that it led to first, which may be in the log or not."""
    result = await bind(key, event.author_id, request, deps)
    if result != request.result:
        if standing := await _standing(result, deps):
            return standing
        event = _added(result)
    return await _say(event, deps)


async def _standing(result: str, deps: Deps) -> Comment | None:
    """The comment that a request led to, None where it was cut short."""
    comment_id = _added(result).comment_id
    standing = (await deps.comments.get([comment_id])).get(comment_id)
    return standing and _not_deleted(standing)


def _digest(post_id: PostId, reply_to: CommentId | None, text: str) -> str:
    """The same for the same request, also in later versions of this code."""
    asked = msgspec.json.encode(["comment", post_id, reply_to, text])
    return blake2b(asked, digest_size=16).hexdigest()


def _added(result: str) -> CommentAdded:
    event = decode(result.encode())
    assert isinstance(event, CommentAdded)
    return event


async def _open_bucket(thread_id: str, deps: Deps) -> int:
    """Which of a thread's buckets a new comment stands in: the one that all before it have filled.

    Replies are among a post's comments here, so its buckets are not always full. Counting is a
    moment late, so that a bucket may have a few too many.
    """
    totals = await deps.comment_ids.totals({thread_id: 1})
    return totals[thread_id].size // COMMENT_BUCKET_LENGTH


async def _mentions(usernames: list[str], author_id: UserId, deps: Deps) -> list[Mention]:
    """Those who joined, in the order of the text, but for those who block the author."""
    if not usernames:
        return []
    by_username = await deps.accounts.user_ids(usernames)
    users = await deps.users.get_all(by_username.values())
    relations = await deps.graph.relations(author_id, among=set(users))
    named = [Mention(by_username[one], one) for one in usernames if one in by_username]
    shown = users.keys() - relations.blocked_by
    return [mention for mention in named if mention.user_id in shown]


async def edit(
    author_id: UserId, post_id: PostId, comment_id: CommentId, *, text: str, deps: Deps
) -> Comment:
    """Put other words to an own comment."""
    await find_post(post_id, author_id, deps)
    comment = await find_comment(post_id, comment_id, author_id, deps)
    if comment.author_id != author_id:
        raise Rejected("not-your-comment", "only its author can change a comment")
    check_readable(text)
    usernames = mentioned(text)
    await pace("comments", author_id, deps)
    event = CommentEdited(
        comment_id=comment_id,
        post_id=post_id,
        reply_to=comment.reply_to,
        bucket=comment.bucket,
        text=text,
        mentions=await _mentions(usernames, author_id, deps),
        at_ms=deps.now_ms(),
    )
    return await _say(event, deps)


async def delete(user_id: UserId, post_id: PostId, comment_id: CommentId, deps: Deps) -> None:
    """Take away an own comment, or one about an own post, for good; again changes nothing.

    One's own is found whether or not the post can be seen any more, and one about an own post
    whether or not one sees its author.
    """
    comment = (await deps.comments.get([comment_id])).get(comment_id)
    if comment is None or comment.post_id != post_id or comment.author_id != user_id:
        post = await find_post(post_id, user_id, deps)
        if comment is None or comment.post_id != post_id:
            raise no_such_comment(comment_id)
        if post.author_id != user_id:
            await find_comment(post_id, comment_id, user_id, deps)
            raise Rejected("not-your-comment", "only its author, or the post's, can delete it")
    if comment.deleted:
        return
    event = CommentDeleted(
        comment_id=comment_id,
        post_id=post_id,
        reply_to=comment.reply_to,
        bucket=comment.bucket,
        deleted_by=user_id,
        at_ms=deps.now_ms(),
    )
    await record_comment(await deps.log.append(event), deps)


async def _say(event: CommentEvent, deps: Deps) -> Comment:
    """The comment as it is after this event."""
    await record_comment(await deps.log.append(event), deps)
    return _not_deleted((await deps.comments.get([event.comment_id]))[event.comment_id])


def _not_deleted(comment: Comment) -> Comment:
    if comment.deleted:
        raise no_such_comment(comment.comment_id)
    return comment
