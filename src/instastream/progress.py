"""How far a consumer is: the offset of a partition before which everything is done.

It may be asked from another thread while work goes on.
"""

from collections import deque
from collections.abc import Hashable, Mapping
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

P = TypeVar("P", bound=Hashable)


class Behind(NamedTuple):
    """What is left to do of a partition, and when its oldest record was appended, if it is here."""

    events: int
    oldest_ms: int | None


class Progress(Generic[P]):
    """Work that is begun and done, by partition.

    It begins in the order of offsets, but for what is read again when a consumer seeks back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[P, deque[tuple[int, int]]] = {}  # of each fetch, its first record
        self._in_flight: dict[P, dict[int, int]] = {}  # when each was appended
        self._next: dict[P, int] = {}

    def fetch(self, partition: P, offset: int, *, at_ms: int) -> None:
        """Records are here: the first, appended then, and others after it. They wait."""
        with self._lock:
            self._waiting.setdefault(partition, deque()).append((offset, at_ms))

    def begin(self, partition: P, offset: int, *, at_ms: int) -> None:
        """Work begins on what stands at an offset, and was appended then."""
        with self._lock:
            self._in_flight.setdefault(partition, {})[offset] = at_ms
            self._next[partition] = max(offset + 1, self._next.get(partition, 0))
            waiting = self._waiting.get(partition)
            while waiting and waiting[0][0] <= offset:
                waiting.popleft()

    def done(self, partition: P, offset: int) -> None:
        """Its effects are durable."""
        with self._lock:
            self._in_flight.get(partition, {}).pop(offset, None)

    def committable(self) -> dict[P, int]:
        """By partition, the oldest offset in flight, or the one to come when none is."""
        with self._lock:
            return {
                partition: min(self._in_flight[partition], default=following)
                for partition, following in self._next.items()
            }

    def behind(self, ends: Mapping[P, int], positions: Mapping[P, int]) -> dict[P, Behind]:
        """Of partitions that end there; each is read from its position, unless work has begun."""
        places = {**positions, **self.committable()}
        return {
            partition: Behind(max(0, end - places.get(partition, end)), self._oldest_ms(partition))
            for partition, end in ends.items()
        }

    def _oldest_ms(self, partition: P) -> int | None:
        with self._lock:
            if in_flight := self._in_flight.get(partition):
                return in_flight[min(in_flight)]
            waiting = self._waiting.get(partition)
            return waiting[0][1] if waiting else None
