"""Counters recounted: what their shards say, and what is there."""

from collections.abc import AsyncIterator, Collection, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, Protocol

from msgspec import Struct

from instastream.counting import Member, Shard
from instastream.stores.counters import Place

RECOUNTS_MAX = 5  # of a shard that changes while it is read
NO_MEMBERS: Mapping[Member, int | None] = MappingProxyType({})


class Arc(NamedTuple):
    """A part of the ring that shards are spread over: above one token, up to another."""

    after: int
    until: int


RING = Arc(-(1 << 63), (1 << 63) - 1)


def arcs(number: int, of: Arc = RING) -> list[Arc]:
    """The ring, or a part of it, in so many equal parts."""
    ends = [of.after + (of.until - of.after) * at // number for at in range(number + 1)]
    return [Arc(after, until) for after, until in pairwise(ends)]


class Recount(Struct, frozen=True, kw_only=True):
    """A shard, and what was counted of it, as of the event that `says.version` is of.

    Unless it is settled: it changed each time that it was read, and nothing follows.
    """

    place: Place
    says: Shard
    counted: int  # members that count
    ever: int  # all members
    listed: int  # members in the list
    listed_right: bool  # each that counts is on its page, once, and there are no others
    headed: bool  # whether it can be read where no member is asked for
    dated: int  # the version that what it says was written as of; if some was of another, that
    settled: bool

    @property
    def is_there(self) -> bool:
        """Whether anything was ever counted in it, or is left of that."""
        return bool(self.says.version or self.ever or self.listed)


def nothing_at(place: Place) -> Recount:
    """A shard that nothing is counted in yet."""
    return Recount(
        place=place,
        says=Shard(),
        counted=0,
        ever=0,
        listed=0,
        listed_right=True,
        headed=True,
        dated=0,
        settled=True,
    )


class Audits(Protocol):
    """Recounts and repairs the counters of one kind. Reads in bounded memory, but `snapshot`."""

    def recounts(self, arc: Arc) -> AsyncIterator[Recount]:
        """Every shard in a part of the ring, in its order; what changes meanwhile is read again."""

    def token(self, place: Place) -> int:
        """Where on the ring a shard is."""

    async def recount(self, place: Place) -> Recount:
        """One shard, also one that nothing is counted in yet."""

    def members(self, place: Place) -> AsyncIterator[list[Member]]:
        """All that ever were members, a page at a time; some may change meanwhile."""

    async def snapshot(self, place: Place) -> tuple[Shard, dict[Member, int]] | None:
        """A shard and all its members as of one event; None where it changes all the time."""

    async def said(self, subject_id: str, shards: Collection[int]) -> dict[Place, Shard]:
        """What shards of a subject say, in one read; those that say nothing are absent."""

    async def repair(
        self, place: Place, shard: Shard, members: Mapping[Member, int | None] = NO_MEMBERS
    ) -> None:
        """Write what a shard is as of `shard.version`; and who is in its list.

        Of `members` also their pages; None: it was never one. Nothing of it stays where a later
        event is counted already, or is at the same moment: recount it.
        """

    def published(self, arc: Arc) -> AsyncIterator[dict[Place, Shard]]:
        """What `Counters.publish` keeps, in a part of the ring, by subject."""

    async def published_of(self, subject_ids: Collection[str]) -> dict[Place, Shard]:
        """All that `Counters.publish` keeps of some subjects."""

    async def republish(self, shards: Mapping[Place, Shard]) -> None:
        """Keep these, also where something else is kept as of the same version."""
