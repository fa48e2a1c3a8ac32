"""Poison is told apart from what nobody meant."""

from instastream.load.checks.inspecting import Letter
from instastream.load.checks.violations import Violation, violation
from tests.nemesis.traces import Place, Traces


def dead(topic: str, partition: int, offset: int) -> Violation:
    letter = Letter("dead", 0, 1, topic, partition, offset, "", "Corrupt", "no event")
    return violation("dead-letter", letter=letter)


def test_poison_that_was_buried_is_no_violation_however_many_buried_it() -> None:
    traces = Traces([Place("media", 3, 7)])
    assert traces.judge([dead("media", 3, 7), dead("media", 3, 7)]) == []


def test_poison_that_nobody_buried_is_one() -> None:
    [found] = Traces([Place("media", 3, 7)]).judge([])
    assert (found.rule, found.evidence["offset"]) == ("poison-lost", 7)


def test_what_nobody_poisoned_stays_one() -> None:
    others = [dead("media", 3, 8), violation("lag", group="feeds")]
    assert Traces([Place("media", 3, 7)]).judge([dead("media", 3, 7), *others]) == others


def test_poison_of_an_earlier_round_may_be_buried_again_and_need_not() -> None:
    before = {Place("media", 3, 7), Place("users", 0, 1)}
    other = dead("media", 3, 8)
    assert Traces().judge([dead("media", 3, 7), other], before=before) == [other]
