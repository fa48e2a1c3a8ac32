"""Whether a post is pushed into followers' lists or pulled from its author's timeline.

Decided once, as it is finalized, and stamped on it: crossing a threshold needs no migration.
"""

from instastream.deps import Deps
from instastream.events import Fanout
from instastream.ids import PostId, UserId
from instastream.settings import Settings


def stamp(followers: int, previous: Fanout, settings: Settings) -> Fanout:
    """Between the thresholds as the author's previous post, so that no author flutters."""
    if followers >= settings.pull_from:
        return "pull"
    return "push" if followers < settings.push_below else previous


async def stamp_of(post_id: PostId, author_id: UserId, deps: Deps) -> Fanout:
    """How a new post reaches its author's followers."""
    followers = await deps.graph.followers_count(author_id)
    if not deps.settings.push_below <= followers < deps.settings.pull_from:
        return stamp(followers, "push", deps.settings)
    latest = await deps.posts.timeline(author_id, before=post_id, limit=1)
    posts = await deps.posts.get(latest)
    stamped: list[Fanout] = [post.fanout for post in posts.values()]
    return stamp(followers, stamped[0] if stamped else "push", deps.settings)
