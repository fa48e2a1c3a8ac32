"""What readers ask: posts, timelines and feeds, as they may see them now."""

import asyncio
from heapq import merge
from itertools import islice

from msgspec import Struct

from instastream.access import check_account, load_relations
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import MediaId, PostId, UserId, newest
from instastream.limits import FEED_LENGTH
from instastream.stores.posts import Post
from instastream.uploads import is_video
from instastream.visibility import feed_shows, sees

TIMELINES_AT_ONCE = 32  # a cold reader must not hold up the others


class Page(Struct, frozen=True):
    """Some posts, and the id to go on from, None at the end."""

    posts: list[Post]
    after: PostId | None


async def percents(post: Post, deps: Deps) -> dict[MediaId, float]:
    """How far the transcodes of a post's videos are; a number on a screen fails no request."""
    waiting = [one.media_id for one in post.media if is_video(one.content_type)]
    if post.status != "processing" or not waiting:
        return {}
    try:
        return await deps.transcodes.read(waiting)
    except Unavailable:
        return {}


async def read_timeline(
    author_id: UserId, viewer: UserId, *, before: PostId | None, limit: int, deps: Deps
) -> Page:
    """A user's posts, newest first; raises Rejected where the viewer may not see them."""
    author = await check_account(author_id, viewer, deps)
    latest = newest(deps.now_ms())
    before = min(before or latest, latest)  # no walk back from a far future that was made up
    relations = await load_relations(viewer, deps, among={author_id})
    shown: list[Post] = []
    while len(shown) <= limit:
        ids = await deps.posts.timeline(author_id, before=before, limit=limit + 1)
        posts = await deps.posts.get(ids)
        shown += [posts[i] for i in ids if i in posts and sees(viewer, posts[i], author, relations)]
        if len(ids) <= limit:
            break
        before = ids[-1]
    return _page(shown, limit)


async def read_feed(reader: UserId, *, before: PostId | None, limit: int, deps: Deps) -> Page:
    """What those whom someone follows posted, newest first, never short while there is more."""
    listed = await deps.feeds.read(reader)
    ids = await rebuild_feed(reader, deps) if listed is None else listed
    if before:
        ids = [post_id for post_id in ids if post_id < before]
    shown: list[Post] = []
    while ids and len(shown) <= limit:
        shown += await _hydrate(reader, ids[: limit + 1], deps)
        ids = ids[limit + 1 :]
    return _page(shown, limit)


def _page(shown: list[Post], limit: int) -> Page:
    after = shown[limit - 1].post_id if len(shown) > limit else None
    return Page(shown[:limit], after)


async def _hydrate(reader: UserId, ids: list[PostId], deps: Deps) -> list[Post]:
    """The posts behind these ids that the reader may see now, in their order."""
    posts = await deps.posts.get(ids)
    authors = {post.author_id for post in posts.values()}
    relations = await load_relations(reader, deps, among=authors)
    ready = (posts[i] for i in ids if i in posts and posts[i].status == "ready")
    return [post for post in ready if feed_shows(post.author_id, relations)]


async def rebuild_feed(reader: UserId, deps: Deps) -> list[PostId]:
    """Make a cold reader's list from the timelines of those they follow.

    The list is opened before the timelines are read: a post that is too new for these is
    pushed to the list. A rebuild cut short leaves the reader cold, and the next read repeats it.
    """
    await deps.feeds.open(reader)
    followees = await deps.graph.followees(reader)
    before = newest(deps.now_ms())
    ids: list[PostId] = []
    for start in range(0, len(followees), TIMELINES_AT_ONCE):
        timelines = await asyncio.gather(
            *(
                deps.posts.timeline(author, before=before, limit=FEED_LENGTH)
                for author in followees[start : start + TIMELINES_AT_ONCE]
            )
        )
        ids = list(islice(merge(ids, *timelines, reverse=True), FEED_LENGTH))
    await deps.feeds.fill(reader, ids)
    return await deps.feeds.read(reader) or ids
