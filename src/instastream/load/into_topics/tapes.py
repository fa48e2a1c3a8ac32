"""What a recording of topics is on disk: JSON lines, one a record, behind one that says of what.

The first line is a Header. Every other is a Taped record, in order of time, and of offsets within
each partition. Bytes are base64, so that any record is kept exactly, also one that holds no event.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from instastream.load import jsonlines
from instastream.load.jsonlines import bad_line
from instastream.ranges import Span

VERSION = 1


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


class Reader:
    """A recording from its beginning to its end; iterate as often as you like.

    A last line that was cut short is left out. Raises Unready naming any other that can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            line = file.readline()
        try:
            self.header = msgspec.json.decode(line, type=Header)
        except ValueError as error:  # msgspec's are, and those of UTF-8
            raise bad_line(path, 1, f"no recording begins so: {error}") from error
        if self.header.version != VERSION:
            why = f"version {self.header.version} is not one that is known here"
            raise bad_line(path, 1, why)

    def __iter__(self) -> Iterator[Taped]:
        return (taped for _, taped in jsonlines.read(self._path, Taped, first=2))
