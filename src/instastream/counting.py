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
PAGE_BITS = 32  # of a place: ids of one second share a page

Member: TypeAlias = str  # an id
Members: TypeAlias = Mapping[Member, int]  # the page that each is listed on, or NOT_COUNTED


def version_of(*, epoch: int, offset: int) -> int:
    """Where an event stands among all that a partition ever holds; above 0.

    A topic that is made anew begins at offset 0 again, in an epoch of its own.
    """
    assert 0 <= epoch < EPOCHS
    return epoch << EPOCH_BITS | (offset + 1)


def page_of(place: int) -> int:
    """The page of the list that a place is on; none where nothing is counted."""
    return (place >> PAGE_BITS) + 1 if place else NOT_COUNTED


def first_on(page: int) -> int:
    """The least place that is on a page."""
    return max((page - 1) << PAGE_BITS, 1)


def some_place(page: int, member: Member | int) -> int:
    """A place on a page for a member of whose own nothing is known."""
    return first_on(page) | int(member) & ((1 << PAGE_BITS) - 1)


class Mark(Struct, frozen=True, kw_only=True, gc=False):
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
    of some of the events can then leave nothing behind. So are `gone`, members of pages that they
    are on no longer. `placed` are those who came into the list, each with its place.
    """

    shard: Shard
    members: dict[Member, int]
    placed: dict[Member, int]
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
    placed: dict[Member, int] = {}
    for mark in marks:
        if mark.version <= version:
            continue
        member, version, at_ms = mark.member, mark.version, mark.at_ms
        standing = after.get(member)
        page = _listed_on(standing, page_of(mark.place), for_good)
        if standing is None:
            size += 1
        if page and not standing:
            count += 1
            placed[member] = mark.place
        elif standing and not page:
            count -= 1
            placed.pop(member, None)
            gone.add((standing, member))
        after[member] = touched[member] = page
    if version == shard.version:
        return None
    folded = Shard(count=count, size=size, version=version, at_ms=at_ms)
    gone -= {(page, member) for member, page in touched.items()}
    return Folded(folded, touched, placed, gone)


def _listed_on(standing: int | None, page: int, for_good: bool) -> int:
    """The page that a member is on after a mark: once counted, it keeps it."""
    if standing and page:
        return standing
    return NOT_COUNTED if for_good and standing == NOT_COUNTED else page
