"""What a shard is follows from the events up to it, wherever they are cut into batches."""

from itertools import pairwise
from typing import Generic, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from instastream.counting import (
    EPOCHS,
    PAGE_BITS,
    Mark,
    Shard,
    first_on,
    fold,
    page_of,
    some_place,
    version_of,
)

Key = TypeVar("Key")
Value = TypeVar("Value")
Said = tuple[int, int]  # which member, and where it counts from then on, 0 for nowhere

PLACES = 0, 1, 2, 1 << PAGE_BITS  # nowhere, two on one page, one on the next
sayings = st.lists(st.tuples(st.integers(1, 2), st.sampled_from(PLACES)), max_size=12)
cuts = st.lists(st.integers(0, 12), max_size=8)


def marks_of(said: list[Said]) -> list[Mark]:
    return [
        Mark(member=str(who), place=place, version=at + 1, at_ms=at)
        for at, (who, place) in enumerate(said)
    ]


class Cells(Generic[Key, Value]):
    """Values and their timestamps: what is older changes nothing, and of equals a removal wins."""

    def __init__(self) -> None:
        self._cells: dict[Key, tuple[int, bool, Value | None]] = {}

    def write(self, key: Key, version: int, value: Value | None) -> None:
        standing = self._cells.get(key)
        if standing is None or standing[:2] < (version, value is None):
            self._cells[key] = (version, value is None, value)

    def read(self) -> dict[Key, Value]:
        return {key: value for key, (_, _, value) in self._cells.items() if value is not None}


class Partition:
    """A shard as Cassandra keeps it."""

    def __init__(self, *, for_good: bool) -> None:
        self.for_good = for_good
        self.shard: Cells[None, Shard] = Cells()
        self.members: Cells[str, int] = Cells()
        self.listed: Cells[tuple[int, str], int] = Cells()  # the places on each page

    def snapshot(self) -> tuple[Shard, dict[str, int]]:
        return self.shard.read().get(None, Shard()), self.members.read()

    def apply(self, snapshot: tuple[Shard, dict[str, int]], marks: list[Mark]) -> None:
        folded = fold(*snapshot, marks, for_good=self.for_good)
        if folded is None:
            return
        version = folded.shard.version
        self.shard.write(None, version, folded.shard)
        for member, page in folded.members.items():
            self.members.write(member, version, page)
        for member, place in folded.placed.items():
            self.listed.write((page_of(place), member), version, place)
        for gone in folded.gone:
            self.listed.write(gone, version, None)


def truth(said: list[Said], *, for_good: bool) -> tuple[dict[str, int], set[str]]:
    """Members that count, with their places, and all that ever did or said they don't."""
    counted: dict[str, int] = {}
    ever: set[str] = set()
    ended: set[str] = set()
    for mark in marks_of(said):
        if not mark.place:
            counted.pop(mark.member, None)
            ended.add(mark.member)
        elif not (for_good and mark.member in ended):
            counted.setdefault(mark.member, mark.place)
        ever.add(mark.member)
    return counted, ever


def check(partition: Partition, said: list[Said]) -> None:
    shard, members = partition.snapshot()
    counted, ever = truth(said, for_good=partition.for_good)
    assert members == dict.fromkeys(ever, 0) | {one: page_of(at) for one, at in counted.items()}
    assert (shard.count, shard.size, shard.version) == (len(counted), len(ever), len(said))
    assert partition.listed.read() == {(page_of(at), one): at for one, at in counted.items()}


@given(sayings, cuts, st.booleans())
def test_batches_come_to_the_same_wherever_they_are_cut(
    said: list[Said], cut: list[int], for_good: bool
) -> None:
    marks, partition = marks_of(said), Partition(for_good=for_good)
    for end in [*sorted(cut), len(marks)]:
        partition.apply(partition.snapshot(), marks[:end])
    check(partition, said)


@given(sayings, cuts, st.booleans())
def test_a_part_that_is_read_again_within_a_batch_changes_nothing(
    said: list[Said], cut: list[int], for_good: bool
) -> None:
    marks, partition = marks_of(said), Partition(for_good=for_good)
    for end in cut:
        partition.apply(partition.snapshot(), marks + marks[end // 2 : end])
        check(partition, said)


@settings(max_examples=1_500)
@given(sayings, st.data(), st.booleans())
def test_late_and_repeated_writers_leave_no_trace(
    said: list[Said], data: st.DataObject, for_good: bool
) -> None:
    """Each reads at some time, and writes at a later one what it would have written then.

    It begins no later than where what it reads ends, as whoever reads what is committed does.
    """
    marks, partition = marks_of(said), Partition(for_good=for_good)
    reading: list[tuple[tuple[Shard, dict[str, int]], list[Mark]]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        is_time: bool = data.draw(st.booleans())
        if reading and is_time:
            partition.apply(*reading.pop(data.draw(st.integers(0, len(reading) - 1))))
        else:
            snapshot = partition.snapshot()
            begin = data.draw(st.integers(0, snapshot[0].version))
            end = data.draw(st.integers(begin, len(marks)))
            reading.append((snapshot, marks[begin:end]))
    for snapshot, some in reading:
        partition.apply(snapshot, some)
    partition.apply(partition.snapshot(), marks)
    check(partition, said)


def test_a_page_holds_the_places_of_a_second() -> None:
    assert page_of(0) == 0
    for page in (1, 2, page_of(int("8" + 18 * "9"))):
        first = first_on(page)
        assert page_of(first) == page
        assert page_of(first - 1) == page - 1
    assert page < 1 << 31


@given(st.integers(2, 1 << 30), st.integers(0, (1 << 63) - 2))
def test_a_place_that_is_made_up_is_on_its_page_and_nobody_elses(page: int, member: int) -> None:
    places = [some_place(page, str(one)) for one in (member, member + 1)]
    assert [page_of(place) for place in places] == [page, page]
    assert places[0] != places[1]


def test_a_version_of_a_later_epoch_is_above_every_one_before_it() -> None:
    assert version_of(epoch=0, offset=0) > 0
    assert version_of(epoch=1, offset=0) > version_of(epoch=0, offset=10**13)
    assert 2 * version_of(epoch=EPOCHS - 1, offset=10**13) + 1 < 2**63
    assert version_of(epoch=3, offset=5) == 3 * 2**44 + 6, "as it was always written"
    for epoch in (-1, EPOCHS):
        with pytest.raises(AssertionError):
            version_of(epoch=epoch, offset=0)


@settings(max_examples=500)
@given(sayings, sayings, st.tuples(st.integers(0, 12), st.integers(0, 12)), cuts, st.booleans())
def test_what_a_topic_made_anew_holds_is_counted_right_though_some_was_taken_for_the_old_ones(
    before: list[Said], said: list[Said], mistaken: tuple[int, int], cut: list[int], for_good: bool
) -> None:
    """A part of it, as if it were of the epoch before; then all of it, in its own."""
    partition, expected = Partition(for_good=for_good), Partition(for_good=for_good)
    of_old, of_new = marks_of(before), of_epoch(1, marks_of(said))
    begin, end = sorted(mistaken)
    partition.apply(partition.snapshot(), of_old)
    partition.apply(partition.snapshot(), of_epoch(0, marks_of(said))[begin:end])
    expected.apply(expected.snapshot(), of_old)
    expected.apply(expected.snapshot(), of_new)
    for first, last in pairwise(sorted({0, len(said), *(min(at, len(said)) for at in cut)})):
        partition.apply(partition.snapshot(), of_new[first:last])
    if said:
        counted, members = partition.snapshot()
        _, expected_members = expected.snapshot()
        assert counted == expected.snapshot()[0]
        assert {who: bool(at) for who, at in members.items()} == {
            who: bool(at) for who, at in expected_members.items()
        }
        assert partition.listed.read().keys() == {(at, who) for who, at in members.items() if at}


def of_epoch(epoch: int, marks: list[Mark]) -> list[Mark]:
    """The same events in another life of their topic."""
    return [
        replace(mark, version=version_of(epoch=epoch, offset=at)) for at, mark in enumerate(marks)
    ]
