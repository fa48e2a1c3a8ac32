"""Who should see what: the log told once more, from its beginning, in the plainest words."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from instastream.events import (
    Event,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    MediaReady,
    PostDeleted,
    Record,
    UploadFinalized,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.ids import PostId, UserId

Pair = tuple[UserId, UserId]
Place = tuple[int, int]  # an offset, and what comes first there
Grounds = tuple[bool, ...]
FOLLOWS = (UserFollowed, FollowApproved)


class Model:
    """What there is after these records, each topic's in the order of its partitions."""

    def __init__(self, records: Iterable[Record[Event]]) -> None:
        self.edges: dict[Pair, tuple[Place, type[Event]]] = {}
        self.blocks: set[Pair] = set()
        self.mutes: set[Pair] = set()
        self.authors: dict[PostId, UserId] = {}
        self.media: dict[PostId, int] = {}
        self.ready: defaultdict[PostId, set[int]] = defaultdict(set)
        self.deleted: set[PostId] = set()
        for record in records:
            self._tell(record.event, record.offset)

    def feed(self, reader: UserId) -> list[PostId]:
        """All that the reader's feed has, newest first."""
        return sorted(
            (
                post_id
                for post_id, author in self.authors.items()
                if all(self.grounds(reader, post_id, author))
            ),
            reverse=True,
        )

    def grounds(self, reader: UserId, post_id: PostId, author: UserId) -> Grounds:
        """What must all be so for a post to be in a feed, each said by a partition of its own."""
        return (
            self.is_ready(post_id),
            post_id not in self.deleted,
            self.follows(reader, author),
            (reader, author) not in self.blocks,
            (author, reader) not in self.blocks,
            (reader, author) not in self.mutes,
        )

    def is_ready(self, post_id: PostId) -> bool:
        """Whether all of its media are."""
        return len(self.ready[post_id]) == self.media.get(post_id)

    def follows(self, follower: UserId, followee: UserId) -> bool:
        """Whether the event that speaks last says so."""
        said = self.edges.get((follower, followee))
        return said is not None and said[1] in FOLLOWS

    def _tell(self, event: Any, offset: int) -> None:
        match event:
            case UserFollowed() | UserUnfollowed() | FollowRequested():
                self._edge(event, (offset, 0))
            case FollowApproved():  # an answer stands where its request stood
                self._edge(event, (event.request, 1))
            case FollowDenied():
                self._edge(event, (event.request, 2))
            case UserBlocked(blocker_id=blocker, blocked_id=blocked):
                self.blocks.add((blocker, blocked))
            case UserUnblocked(blocker_id=blocker, blocked_id=blocked):
                self.blocks.discard((blocker, blocked))
            case UserMuted(muter_id=muter, muted_id=muted):
                self.mutes.add((muter, muted))
            case UserUnmuted(muter_id=muter, muted_id=muted):
                self.mutes.discard((muter, muted))
            case UploadFinalized():
                self.authors[event.post_id] = event.author_id
                self.media[event.post_id] = event.media_count
            case MediaReady():
                self.authors[event.post_id] = event.author_id
                self.media[event.post_id] = event.media_count
                self.ready[event.post_id].add(event.position)
            case PostDeleted():
                self.deleted.add(event.post_id)

    def _edge(self, event: Any, place: Place) -> None:
        edge = (event.follower_id, event.followee_id)
        if edge not in self.edges or place > self.edges[edge][0]:
            self.edges[edge] = (place, type(event))
