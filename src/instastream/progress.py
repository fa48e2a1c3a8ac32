"""How far a consumer is: the offset of a partition before which everything is done."""

from collections.abc import Hashable
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


class Progress(Generic[P]):
    """Work that is begun and done, by partition.

    It begins in the order of offsets, but for what is read again when a consumer seeks back.
    """

    def __init__(self) -> None:
        self._in_flight: dict[P, set[int]] = {}
        self._next: dict[P, int] = {}

    def begin(self, partition: P, offset: int) -> None:
        """Work on an offset begins."""
        self._in_flight.setdefault(partition, set()).add(offset)
        self._next[partition] = max(offset + 1, self._next.get(partition, 0))

    def done(self, partition: P, offset: int) -> None:
        """Its effects are durable."""
        self._in_flight.get(partition, set()).discard(offset)

    def committable(self) -> dict[P, int]:
        """By partition, the oldest offset in flight, or the one to come when none is."""
        return {
            partition: min(self._in_flight[partition], default=following)
            for partition, following in self._next.items()
        }
