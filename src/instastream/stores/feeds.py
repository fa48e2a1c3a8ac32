"""Every reader's feed: a list of post ids, strictly descending, rebuilt when it is lost."""

from typing import Protocol, TypeAlias

from instastream.ids import PostId, UserId

Head: TypeAlias = tuple[UserId, int]  # the first so many ids of someone's feed


class Feeds(Protocol):
    """The newest `FEED_LENGTH` ids of what was pushed, strictly descending as they are read.

    No list means a cold reader, to whom nothing is pushed; a list that nobody read for
    `FEED_TTL_S` is gone.
    """

    async def push(self, post_id: PostId, readers: list[UserId]) -> None:
        """Put an id in its place in every list that exists; again changes nothing."""

    async def insert(self, reader: UserId, post_ids: list[PostId]) -> None:
        """Put ids in their places in one list, if it exists; again changes nothing."""

    async def remove(self, reader: UserId, post_ids: list[PostId]) -> None:
        """Take ids out of one list, if they are in it."""

    async def read(self, reader: UserId) -> list[PostId] | None:
        """The whole list, or None when it must be rebuilt first."""

    async def open(self, reader: UserId) -> None:
        """Begin a rebuild: from here on pushes arrive, but `read` still answers None."""

    async def fill(self, reader: UserId, post_ids: list[PostId]) -> None:
        """End a rebuild: merge these ids with what was pushed meanwhile."""
