"""The ids of a run's posts by number, shared by the processes that take part."""

import mmap
from pathlib import Path
from typing import Self

ID_BYTES = 8  # written at once: nobody reads half of one


class PostIds:
    """A file of whole numbers, 0 where a post is not there. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._ids = memoryview(self._map).cast("q")

    @classmethod
    def made(cls, path: Path, count: int) -> Self:
        """For so many posts."""
        path.write_bytes(bytes(max(1, count) * ID_BYTES))
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ids.release()
        self._map.close()

    def __getitem__(self, post: int) -> str:
        """The id of a post, "" where it has none."""
        post_id = self._ids[post]
        return str(post_id) if post_id else ""

    def __setitem__(self, post: int, post_id: str) -> None:
        self._ids[post] = int(post_id)
