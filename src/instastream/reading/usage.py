"""What the caches of a process are used for."""

from instastream.reading.caching import Usage
from instastream.reading.known import Known


def usage_of(known: Known) -> dict[str, Usage]:
    """By cache; posts in all sizes together."""
    of_posts = [cache.usage for cache in known.posts.values()]
    return {
        "posts": Usage(*map(sum, zip(*of_posts, strict=True))),
        "circles": known.circles.usage,
        "users": known.users.usage,
        "recent": known.recent.usage,
        "totals": known.engagement.usage,
    }
