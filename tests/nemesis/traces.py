"""What a fault leaves that is meant: no violation, and not to get lost."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from msgspec import Struct, field

from instastream.load.checks.inspecting import Letter
from instastream.load.checks.violations import Violation


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Traces(Struct):
    """Records that no handler can digest, each of which must become a dead letter."""

    poison: list[Place] = field(default_factory=list)

    def judge(
        self, violations: Iterable[Violation], *, before: Collection[Place] = ()
    ) -> list[Violation]:
        """Without the dead letters that were meant, and with those that there are none of.

        What poisoned the system `before` may be buried again by whoever reads it again.
        """
        buried: set[Place] = set()
        found: list[Violation] = []
        for one in violations:
            place = _place(one)
            if place in self.poison:
                buried.add(place)
            elif place not in before:
                found.append(one)
        said = "Poison is neither dead nor alive: nobody buried it."
        lost = (place for place in self.poison if place not in buried)
        return found + [Violation("poison-lost", said, place._asdict()) for place in lost]


def _place(one: Violation) -> Place | None:
    letter = one.evidence.get("letter")
    if one.rule != "dead-letter" or not isinstance(letter, Letter):
        return None
    return Place(letter.of_topic, letter.of_partition, letter.of_offset)
