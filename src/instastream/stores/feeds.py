"""Every reader's feed: a list of post ids, strictly descending, rebuilt when it is lost."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeAlias

from msgspec import Struct

from instastream.ids import PostId, UserId

Head: TypeAlias = tuple[UserId, int]  # the first so many ids of someone's feed


class FeedState(Struct, frozen=True):
    """A list as it is: its ids, descending, and whether a rebuild of it is under way."""

    post_ids: list[PostId]
    building: bool


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
        """Take ids out of one list, if they are in it; from a full one, and the list is gone.

        So a list that is not full has every post.
        """

    async def read(self, reader: UserId) -> list[PostId] | None:
        """The whole list, or None when it must be rebuilt first."""

    async def peek(self, reader: UserId) -> FeedState | None:
        """A list as it is, None where there is none; unlike reading it this changes nothing."""

    def readers(self) -> AsyncIterator[UserId]:
        """Everyone who has a list, some of them twice; who gets one meanwhile may be left out."""

    async def open(self, reader: UserId, token: str, *, anew: bool = False) -> bool:
        """Begin a rebuild: from here on pushes arrive, but `read` still answers None.

        The token is its own and nobody else's. False where there is a list or another rebuild;
        `anew` takes their place. Unless it is held, a rebuild is over after `REBUILD_LEASE_S`: the
        list is gone.
        """

    async def hold(self, reader: UserId, token: str) -> bool:
        """Have the lease run anew; False where the rebuild is over or another's."""

    async def fill(self, reader: UserId, token: str, post_ids: list[PostId]) -> bool:
        """End a rebuild: merge these ids with what was pushed meanwhile.

        False, and nothing is changed, where the rebuild is over or another's.
        """
