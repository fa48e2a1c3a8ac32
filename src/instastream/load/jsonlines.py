"""Files of JSON lines: written until the disk is full, and read up to where they were cut short."""

import errno
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Self, TypeVar

import msgspec
from msgspec import Struct

from instastream.errors import Unready

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BUFFER_BYTES = 256 * 1024  # a second of a busy generator

Line = TypeVar("Line", bound=Struct)
_encoder = msgspec.json.Encoder()


class Writer:
    """Appends lines to a new file; one process's alone. Use as a context manager.

    Raises Unready where there is a file already, or can be none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0  # that stand in the file
        try:
            self._file: IO[bytes] = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise Unready(f"{path} is there already: choose another name") from error
        except OSError as error:
            raise Unready(f"{path} can't be written: {error.strerror}") from error
        self._buffer = bytearray()
        self._refused: Unready | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, line: Struct) -> None:
        """Remember it; raises Unready where it can't be, as of a full disk, and then ever after."""
        if self._refused:
            raise self._refused
        self._buffer += _encoder.encode(line) + b"\n"
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """What was remembered stands in the file; raises as `write`."""
        try:
            while self._buffer:
                written = self._file.write(self._buffer)
                del self._buffer[:written]
                self.size_bytes += written
        except OSError as error:
            self._buffer.clear()  # what comes after a gap would be of no use
            why = "the disk is full" if error.errno in FULL else error.strerror
            self._refused = Unready(
                f"{why}: {self.path} ends at {self.size_bytes} bytes, and lacks what came then"
            )
            raise self._refused from error

    def close(self) -> None:
        """Flush, and write no more; raises as `write`."""
        try:
            self.flush()
        finally:
            self._file.close()


def read(path: Path, kind: type[Line], *, first: int = 1) -> Iterator[tuple[int, Line]]:
    """The lines from one on, with their numbers; a last one that was cut short is left out.

    Raises Unready naming any other that is none of its kind.
    """
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for number, line in enumerate(islice(file, first - 1, None), start=first):
            try:
                decoded = decoder.decode(line)
            except ValueError as error:  # msgspec's are, and those of UTF-8
                if not line.endswith(b"\n"):
                    return
                raise bad_line(path, number, error) from error
            yield number, decoded


def bad_line(path: Path, number: int, why: object) -> Unready:
    """What is said of a line that can't be read."""
    return Unready(f"{path}, line {number}: {why}")
