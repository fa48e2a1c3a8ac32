"""What readers ask: posts, timelines and feeds, as they may see them now."""

import asyncio
from heapq import merge
from itertools import islice

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import MediaId, PostId, UserId, newest
from instastream.limits import FEED_LENGTH, TIMELINES_AT_ONCE
from instastream.stores.posts import Post
from instastream.uploads import is_video


async def percents(post: Post, deps: Deps) -> dict[MediaId, float]:
    """How far the transcodes of a post's videos are; a number on a screen fails no request."""
    waiting = [one.media_id for one in post.media if is_video(one.content_type)]
    if post.status != "processing" or not waiting:
        return {}
    try:
        return await deps.transcodes.read(waiting)
    except Unavailable:
        return {}


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
