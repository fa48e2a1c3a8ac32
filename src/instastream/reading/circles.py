"""What a reader is to others, in the shape that reads need."""

from instastream.ids import PostId
from instastream.relations import Relations
from instastream.visibility import feed_shows

ID_BYTES = 80  # of memory, as an entry of a set or list of strings


class Circle:
    """What a reader is to others; kept as long as nothing of it changes.

    `in_feed` are those whose posts are in the reader's feed. `whole_from` is the last id of the
    reader's list when there was nothing in their timelines below it ("" of an empty list): what
    comes later is in the list, or pulled, as long as the list ends there.
    """

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self.in_feed = frozenset(
            author for author in relations.following if feed_shows(author, relations)
        )
        self.whole_from: PostId | None = None

    @property
    def size_bytes(self) -> int:
        """Of memory."""
        of = self.relations
        ids = (of.following, of.requested, of.blocks, of.blocked_by, of.mutes, self.in_feed)
        return ID_BYTES * sum(map(len, ids))
