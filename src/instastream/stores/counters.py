"""Sharded counters: members, how many they are, and how far the log is counted, never apart."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from instastream.counting import Mark, Member, Shard


class Place(NamedTuple):
    """One shard of what is counted of a post or comment."""

    subject_id: str
    shard: int = 0


class Total(Struct, frozen=True, kw_only=True):
    """A count over all shards; of two totals the one with the larger version is later."""

    subject_id: str
    count: int
    size: int  # of all that were ever members
    version: int  # the sum of its shards' versions
    at_ms: int  # of the last event that was counted


class Listed(NamedTuple):
    """A member that is counted, and its place among the others."""

    place: int
    member: Member


class Counters(Protocol):
    """Counters of one kind, such as likes. Any number may write a shard at once, early or late.

    Shards are said by how many a subject has: `shards` is the same whenever a subject is meant.
    """

    async def apply(self, marks: Mapping[Place, Sequence[Mark]]) -> dict[Place, Shard]:
        """Count what is not counted yet; the marks of a place are in the order of their versions.

        Marks that lie between two of a place are in both calls or counted before. Returns every
        shard as it is after them, or is already.
        """

    async def publish(self, shards: Mapping[Place, Shard]) -> None:
        """Keep what `apply` returned beside the other shards of its subject, for `totals`."""

    async def totals(self, subjects: Mapping[str, int]) -> dict[str, Total]:
        """What each subject's shards (how many it has) come to, in one batch; 0 of what is new."""

    async def published(self, subject_id: str) -> dict[int, Shard]:
        """The shards of a subject that has several, those that `publish` kept, in one read."""

    async def standing(self, places: Collection[Place], member: Member) -> dict[Place, int | None]:
        """The page a member is on in each of some shards, 0: it counts no more, None: never did."""

    async def shard(self, place: Place, member: Member) -> tuple[Shard, int | None]:
        """A shard, and the page a member is on in it, both as of the same event."""

    async def newest(
        self, subject_id: str, shards: int, *, before: int, limit: int
    ) -> list[Listed]:
        """Members by place, the largest first, all of them below `before`."""


def total_of(subject_id: str, shards: Sequence[Shard]) -> Total:
    """What some shards, all that there are of a subject, come to."""
    return Total(
        subject_id=subject_id,
        count=sum(shard.count for shard in shards),
        size=sum(shard.size for shard in shards),
        version=sum(shard.version for shard in shards),
        at_ms=max((shard.at_ms for shard in shards), default=0),
    )
