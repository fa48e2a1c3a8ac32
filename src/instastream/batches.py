"""What to begin next where a partition's records are handled in order, many at a time."""

from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)
R = TypeVar("R")


class Batches(Generic[P, R]):
    """Records that wait, and those of one batch of each partition that is under way.

    What arrives while a batch is under way waits, and the next one takes all of it, up to
    `length_max`: a batch is small where little is behind, and large where much is.
    """

    def __init__(self, *, length_max: int, bytes_max: int, size_bytes: Callable[[R], int]) -> None:
        self._length_max = length_max
        self._bytes_max = bytes_max
        self._size_bytes = size_bytes
        self._waiting: dict[P, deque[R]] = {}
        self._under_way: dict[P, int] = {}  # bytes
        self._waiting_bytes = 0

    @property
    def full(self) -> bool:
        """Whether no more should be added before a batch is done."""
        return self._waiting_bytes + sum(self._under_way.values()) >= self._bytes_max

    def add(self, partition: P, records: Iterable[R]) -> None:
        """Records that follow on those that were added before."""
        waiting = self._waiting.setdefault(partition, deque())
        for record in records:
            waiting.append(record)
            self._waiting_bytes += self._size_bytes(record)

    def begin(self) -> tuple[P, list[R]] | None:
        """The next batch, of a partition that has none under way; it is under way from now on."""
        for partition, waiting in self._waiting.items():
            if partition not in self._under_way:
                batch = [waiting.popleft() for _ in range(min(len(waiting), self._length_max))]
                if not waiting:
                    del self._waiting[partition]
                self._under_way[partition] = sum(map(self._size_bytes, batch))
                self._waiting_bytes -= self._under_way[partition]
                return partition, batch
        return None

    def done(self, partition: P) -> None:
        """The partition's batch is under way no more."""
        del self._under_way[partition]

    def forget(self) -> None:
        """Nothing of what waits is begun; what is under way stays so."""
        self._waiting.clear()
        self._waiting_bytes = 0


async def in_halves(
    records: Sequence[R],
    handle: Callable[[Sequence[R]], Awaitable[None]],
    handle_alone: Callable[[R], Awaitable[None]],
) -> None:
    """Handle a batch; where that fails its halves, down to each record that fails it, alone.

    Raises what `handle_alone` does: nothing further is handled then.
    """
    if len(records) == 1:
        await handle_alone(records[0])
    elif records:
        try:
            await handle(records)
        except Exception:  # told of once it is known which record it is
            middle = len(records) // 2
            await in_halves(records[:middle], handle, handle_alone)
            await in_halves(records[middle:], handle, handle_alone)
