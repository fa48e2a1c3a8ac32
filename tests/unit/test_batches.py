"""Every record is in one batch, in order, and a partition has one batch at a time."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from instastream.batches import Batches, in_halves

LENGTH_MAX, BYTES_MAX, RECORD_BYTES = 4, 91, 10  # ten records are too many
PARTITIONS = ("a", "b", "c")


def batches() -> Batches[str, int]:
    return Batches(length_max=LENGTH_MAX, bytes_max=BYTES_MAX, size_bytes=lambda _: RECORD_BYTES)


def test_a_batch_is_one_record_when_caught_up_and_all_that_waits_when_behind() -> None:
    several = batches()
    several.add("a", [1])
    assert several.begin() == ("a", [1])
    several.add("a", [2])
    several.add("a", [3, 4])
    assert several.begin() is None, "one of a partition at a time"
    several.done("a")
    assert several.begin() == ("a", [2, 3, 4])


def test_a_batch_has_a_largest_length() -> None:
    several = batches()
    several.add("a", range(LENGTH_MAX + 1))
    assert several.begin() == ("a", [0, 1, 2, 3])
    several.done("a")
    assert several.begin() == ("a", [4])
    several.done("a")
    assert several.begin() is None


@pytest.mark.parametrize("poison", [set(), {0}, {6}, {2, 3}, set(range(7))])
async def test_what_fails_a_batch_is_found_alone_and_all_else_is_handled_once_and_in_order(
    poison: set[int],
) -> None:
    handled: list[int] = []

    async def handle(records: Sequence[int]) -> None:
        if poison.intersection(records):
            raise ValueError("a bug")
        handled.extend(records)

    async def handle_alone(record: int) -> None:
        handled.append(-record if record in poison else record)

    await in_halves(range(7), handle, handle_alone)
    assert handled == [-one if one in poison else one for one in range(7)]


def test_partitions_do_not_wait_for_each_other() -> None:
    several = batches()
    several.add("a", [1])
    several.add("b", [1])
    assert [several.begin(), several.begin()] == [("a", [1]), ("b", [1])]


def test_what_waits_and_what_is_under_way_fill_it_up_to_its_size() -> None:
    several = batches()
    several.add("a", range(9))
    assert not several.full
    several.begin()
    assert not several.full
    several.add("a", [9])
    assert several.full
    several.done("a")
    assert not several.full


def test_what_waits_when_it_is_forgotten_is_not_begun_and_no_batch_beside_one_under_way() -> None:
    several = batches()
    several.add("a", [1])
    several.begin()
    several.add("a", [2, 3])
    several.add("b", [1])
    several.forget()
    assert several.begin() is None
    several.add("a", range(2, 10))
    assert several.begin() is None
    assert not several.full
    several.done("a")
    assert several.begin() == ("a", [2, 3, 4, 5])


class Partitions(RuleBasedStateMachine):
    """A consumer that adds while there is room, and begins and ends batches in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = batches()
        self.read = dict.fromkeys(PARTITIONS, 0)
        self.handled: dict[str, list[int]] = {partition: [] for partition in PARTITIONS}
        self.under_way: dict[str, list[int]] = {}

    @precondition(lambda self: not self.batches.full)
    @rule(partition=st.sampled_from(PARTITIONS), count=st.integers(1, 6))
    def add(self, partition: str, count: int) -> None:
        first = self.read[partition]
        self.batches.add(partition, range(first, first + count))
        self.read[partition] += count

    @rule()
    def begin(self) -> None:
        if begun := self.batches.begin():
            partition, records = begun
            assert partition not in self.under_way
            assert 0 < len(records) <= LENGTH_MAX
            self.under_way[partition] = records
        else:
            waiting = {one for one in PARTITIONS if self._accounted(one) < self.read[one]}
            assert waiting <= self.under_way.keys()

    @precondition(lambda self: self.under_way)
    @rule(choice=st.integers(0, 2))
    def done(self, choice: int) -> None:
        partition = sorted(self.under_way)[choice % len(self.under_way)]
        self.handled[partition] += self.under_way.pop(partition)
        self.batches.done(partition)

    def _accounted(self, partition: str) -> int:
        return len(self.handled[partition]) + len(self.under_way.get(partition, []))

    @invariant()
    def every_record_is_handled_once_and_in_order(self) -> None:
        for partition in PARTITIONS:
            begun = self.handled[partition] + self.under_way.get(partition, [])
            assert begun == [*range(len(begun))]

    @invariant()
    def it_is_full_when_it_holds_so_much(self) -> None:
        held = sum(self.read.values()) - sum(map(len, self.handled.values()))
        assert self.batches.full == (held * RECORD_BYTES >= BYTES_MAX)

    def teardown(self) -> None:
        for _ in range(sum(self.read.values())):
            self.begin()
            if self.under_way:
                self.done(0)
        assert {one: len(handled) for one, handled in self.handled.items()} == self.read


Partitions.TestCase.settings = settings(max_examples=200)
TestPartitions = Partitions.TestCase
