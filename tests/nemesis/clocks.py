"""A clock that jumps, for processes that were started with it: see `altered`."""

import mmap
from pathlib import Path
from typing import Self

AHEAD_BYTES = 8


class SharedClock:
    """How far the clock of some processes is ahead of the machine's, in a file that they read.

    Use as a context manager.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), AHEAD_BYTES)
        self._ahead_ms = memoryview(self._map).cast("q")

    @classmethod
    def made(cls, path: Path) -> Self:
        """One that is right."""
        path.write_bytes(bytes(AHEAD_BYTES))
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead_ms.release()
        self._map.close()

    @property
    def ahead_ms(self) -> int:
        """Below 0 where it is behind."""
        return self._ahead_ms[0]

    @ahead_ms.setter
    def ahead_ms(self, ahead_ms: int) -> None:
        self._ahead_ms[0] = ahead_ms
