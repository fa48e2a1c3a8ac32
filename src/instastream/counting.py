"""Counting members exactly, whatever is repeated, late or done twice at once: the pure part.

A counter is split into shards, each with one order of events. What a shard is after an event
follows from the events up to it alone, so that whoever counts, and however often, comes to the
same. Docs: docs/decisions/0026.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct

EPOCH_BITS = 44  # offsets stay below it for 500 years of a million events a second
EPOCHS = 1 << 17  # what leaves a version, doubled, in 63 bits
NOT_COUNTED = 0

Member: TypeAlias = str  # an id
Members: TypeAlias = Mapping[Member, int]  # the place of each that is counted, or NOT_COUNTED


def version_of(*, epoch: int, offset: int) -> int:
    """Where an event stands among all that a partition ever holds; above 0.

    A topic that is made anew begins at offset 0 again, in an epoch of its own.
    """
    assert 0 <= epoch < EPOCHS
    return epoch << EPOCH_BITS | (offset + 1)


class Mark(Struct, frozen=True, kw_only=True):
    """What an event says of a member: that it counts, at a place among the others, or not."""

    member: Member
    place: int  # NOT_COUNTED, or where it is listed: an id that nothing else has
    version: int
    at_ms: int


class Shard(Struct, frozen=True, kw_only=True):
    """What a shard is once every event up to `version` is counted."""

    count: int = 0
    size: int = 0  # of all that were ever members
    version: int = 0
    at_ms: int = 0  # of the last event that was counted


class Folded(Struct, frozen=True):
    """A shard after some more events, and what of it is to be written.

    `members` are all that these events speak of, also those that are as they were: a late writer
    of some of the events can then leave nothing behind. So are `gone`, places without a member.
    """

    shard: Shard
    members: dict[Member, int]
    gone: set[tuple[int, Member]]


def fold(shard: Shard, members: Members, marks: Iterable[Mark], *, for_good: bool) -> Folded | None:
    """The shard after marks in the order of their versions; None where it is past all of them.

    Marks that come again behind later ones are counted once. `members` are those that the marks
    speak of, as far as they ever were. For good: who was counted and is no longer never is again.
    """
    after = dict(members)
    gone: set[tuple[int, Member]] = set()
    count, size, version, at_ms = shard.count, shard.size, shard.version, shard.at_ms
    touched: dict[Member, int] = {}
    for mark in marks:
        if mark.version <= version:
            continue
        member, version, at_ms = mark.member, mark.version, mark.at_ms
        standing = after.get(member)
        place = _placed(standing, mark.place, for_good)
        if standing is None:
            size += 1
        count += bool(place) - bool(standing)
        if standing and standing != place:
            gone.add((standing, member))
        after[member] = touched[member] = place
    if version == shard.version:
        return None
    folded = Shard(count=count, size=size, version=version, at_ms=at_ms)
    return Folded(folded, touched, gone - {(place, one) for one, place in touched.items()})


def _placed(standing: int | None, place: int, for_good: bool) -> int:
    """Where a member is after a mark: once counted, it keeps its place."""
    if standing and place:
        return standing
    return NOT_COUNTED if for_good and standing == NOT_COUNTED else place
