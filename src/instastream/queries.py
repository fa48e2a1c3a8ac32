"""What readers ask beside feeds and timelines: how far videos are."""

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import MediaId
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
