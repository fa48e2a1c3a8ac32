"""Counts as they are shown: totals by post or comment, and what a user liked a moment ago.

All of it can be lost: totals are read from the counters again, and likes are counted by then.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Literal, Protocol, get_args

from msgspec import Struct

from instastream.ids import UserId
from instastream.stores.counters import Total

Kind = Literal["likes", "comments"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Pending(Struct, frozen=True, kw_only=True):
    """What a user said of their like of something; of one shard the larger version is right."""

    subject_id: str
    shards: int
    liked: bool
    version: int


class Counts(Protocol):
    """Totals by kind and subject, and likes that may not be counted yet by user."""

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        """Keep totals; one with a smaller version than the one that is kept changes nothing."""

    async def totals(self, kind: Kind, subject_ids: Collection[str]) -> Mapping[str, Total]:
        """The totals that are kept, in one batch; absent are those to be read from counters."""

    async def of_all_kinds(self, subject_ids: Collection[str]) -> Mapping[tuple[Kind, str], Total]:
        """Likewise, of every kind in the same batch."""

    def everything(self) -> AsyncIterator[tuple[Kind, Total]]:
        """Each total that is kept, in no order; their names are held in memory."""

    async def expect(self, user_id: UserId, pending: Pending) -> None:
        """A like of theirs, or an end of one, is in the log and soon counted."""

    async def pending(self, user_id: UserId) -> list[Pending]:
        """What they said lately, in any order."""
