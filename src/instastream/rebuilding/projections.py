"""What is computed from the log: which handlers make it, of which topics, and where it lies.

Their topics are not shared, and no handler asks for what another projection holds: each can be
made again by itself. What is not named here is no projection: docs/decisions/0033.
"""

from collections.abc import Mapping

from msgspec import Struct

from instastream.comments import CommentEvent
from instastream.errors import Unready
from instastream.events import Event, MediaReady, ProfileChanged, UserJoined
from instastream.handlers.engagement import ENGAGEMENT
from instastream.handlers.feeds import record_listed
from instastream.handlers.graph import GRAPH
from instastream.handlers.posts import POSTS
from instastream.handlers.table import BatchHandlers, Handlers
from instastream.likes import LikeEvent
from instastream.ranges import Range

ALL = "all"


class Projection(Struct, frozen=True, kw_only=True):
    """Tables, and what writes them: a handler for each event, or one for those of a partition."""

    name: str
    tables: tuple[str, ...]
    handlers: Handlers = {}
    counting: BatchHandlers = {}
    derived: tuple[str, ...] = ()  # tables that are made of these by whoever reads them
    forgets: bool = False  # what ended, after a while: an older word of it stands again then
    places: bool = False  # what is written meanwhile, for good, by what is there of it

    @property
    def topics(self) -> list[str]:
        """Those that it is made of."""
        return sorted({*self.counting, *(event.topic for event in self.handlers)})

    @property
    def ranges(self) -> list[Range]:
        """All of these."""
        return [Range(topic=topic) for topic in self.topics]

    @property
    def is_counted(self) -> bool:
        """Whether it is what it is only once every event has come, in order, and none before."""
        return bool(self.counting)


def _of(handlers: Handlers, *events: type[Event]) -> Handlers:
    return {event: handlers[event] for event in events}


_joining = (UserJoined, ProfileChanged)
PROJECTIONS: Mapping[str, Projection] = {
    one.name: one
    for one in (
        Projection(name="users", tables=("users",), handlers=_of(GRAPH, *_joining)),
        Projection(
            name="graph",
            tables=("following", "followers", "requests", "walls"),
            handlers=_of(GRAPH, *(GRAPH.keys() - set(_joining))),
            derived=("follower_pages",),
            forgets=True,
        ),
        Projection(
            name="posts",
            tables=("posts", "posts_by_author", "celebrities"),
            handlers={**POSTS, MediaReady: record_listed},
        ),
        Projection(
            name="likes",
            tables=("likes", "post_counts"),
            counting={LikeEvent.topic: ENGAGEMENT[LikeEvent.topic]},
        ),
        Projection(
            name="comments",
            tables=("comment_ids", "comments", "comment_buckets", "comment_places"),
            places=True,
            counting={CommentEvent.topic: ENGAGEMENT[CommentEvent.topic]},
        ),
    )
}


def named(name: str) -> list[Projection]:
    """One projection, or all of them; raises Unready where there is no such."""
    if name == ALL:
        return list(PROJECTIONS.values())
    if name not in PROJECTIONS:
        raise Unready(f"there is no projection {name!r}: {', '.join(PROJECTIONS)} or {ALL}")
    return [PROJECTIONS[name]]
