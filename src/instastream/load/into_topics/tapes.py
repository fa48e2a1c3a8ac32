"""What a recording of topics is on disk: JSON lines, one a record, behind one that says of what.

The first line is a Header. Every other is a Taped record, in order of time, and of offsets within
each partition. Bytes are base64, so that any record is kept exactly, also one that holds no event.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from instastream.errors import Unready
from instastream.ranges import Span

VERSION = 1
BUFFER_BYTES = 1 << 20


class Header(Struct, frozen=True, kw_only=True, tag="recording", tag_field="kind"):
    """What a recording is of."""

    version: int
    recorded_ms: int  # Unix milliseconds
    spans: list[Span]  # all that was to be recorded

    @property
    def topics(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(span.topic for span in self.spans))

    @property
    def offsets(self) -> int:
        """How many records there are at most."""
        return sum(span.length for span in self.spans)


class Taped(Struct, frozen=True, kw_only=True, gc=False):
    """A record as it stood in a topic."""

    topic: str
    partition: int
    offset: int
    at_ms: int  # Kafka's timestamp, Unix milliseconds
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes]] = msgspec.field(default_factory=list)


class Writer:
    """Writes a new file; use as a context manager. Raises Unready where there is one already."""

    def __init__(self, path: Path, header: Header) -> None:
        self.count = 0
        self.size_bytes = 0
        self._path = path
        self._encoder = msgspec.json.Encoder()
        try:
            self._file = path.open("xb", buffering=BUFFER_BYTES)
        except FileExistsError as error:
            raise Unready(f"{path} is there already: choose another name") from error
        self._line(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            if not error:
                raise self._full(failure) from failure

    def write(self, taped: Taped) -> None:
        """Add a record; raises Unready where the disk is full: what was written so far counts."""
        self._line(taped)
        self.count += 1

    def _line(self, one: Header | Taped) -> None:
        line = self._encoder.encode(one) + b"\n"
        try:
            self._file.write(line)
        except OSError as error:
            raise self._full(error) from error
        self.size_bytes += len(line)

    def _full(self, error: OSError) -> Exception:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return error
        return Unready(
            f"the disk of {self._path} is full: what is in it can be replayed, the rest is missing"
        )


class Reader:
    """A recording from its beginning to its end; use as a context manager, iterate as often.

    A last line that was cut short is left out: `torn` says so from then on. Any other line that
    can't be read raises Unready, which names it.
    """

    def __init__(self, path: Path) -> None:
        self.torn = False
        self._path = path
        with path.open("rb") as file:
            line = file.readline()
        try:
            self.header = msgspec.json.decode(line, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._bad(1, f"no recording begins so: {error}") from error
        if self.header.version != VERSION:
            raise self._bad(1, f"version {self.header.version} is not one that is known here")

    def __iter__(self) -> Iterator[Taped]:
        decoder = msgspec.json.Decoder(Taped)
        with self._path.open("rb", buffering=BUFFER_BYTES) as file:
            next(file)
            for number, line in enumerate(file, start=2):
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if not line.endswith(b"\n"):
                        self.torn = True
                        return
                    raise self._bad(number, str(error)) from error

    def _bad(self, number: int, why: str) -> Unready:
        return Unready(f"{self._path}, line {number}: {why}")
