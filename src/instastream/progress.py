"""How far a consumer is: the offset of a partition before which everything is done."""

from collections.abc import Hashable
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


class Progress(Generic[P]):
    """Work begun in offset order and done in any order, by partition."""

    def __init__(self) -> None:
        self._in_flight: dict[P, dict[int, None]] = {}
        self._next: dict[P, int] = {}

    def begin(self, partition: P, offset: int) -> None:
        """Work on an offset begins: larger than every one before it."""
        assert offset >= self._next.get(partition, 0)
        self._in_flight.setdefault(partition, {})[offset] = None
        self._next[partition] = offset + 1

    def done(self, partition: P, offset: int) -> None:
        """Its effects are durable."""
        self._in_flight.get(partition, {}).pop(offset, None)

    def committable(self) -> dict[P, int]:
        """By partition, the oldest offset in flight, or the one to come when none is."""
        return {
            partition: next(iter(self._in_flight[partition]), following)
            for partition, following in self._next.items()
        }
