"""What a load run remembers of every operation: one line of JSON each, and how it is read again."""

import errno
import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import IO, Annotated, Literal, Self, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from instastream.errors import InstastreamError, Unready

VERSION = 1
BUFFER_BYTES = 256 * 1024  # a second of a busy generator
WINDOW_MS = 1_000.0  # lines of one file are in order but for what was said within a moment

Phase = Literal["header", "invoked", "ok", "failed", "unknown", "unstarted"]
Kind = Literal[
    "join",
    "private",
    "follow",
    "unfollow",
    "post",
    "delete_post",
    "like",
    "unlike",
    "comment",
    "delete_comment",
    "read_feed",
    "read_post",
    "read_timeline",
    "fetch",
    "visible",
]
Ms: TypeAlias = Annotated[float, Meta(description="Unix milliseconds, with microseconds.")]
Id: TypeAlias = str
Limits: TypeAlias = dict[str, int]


class Seen(Struct, frozen=True, array_like=True, gc=False):
    """A post as it was shown: `[post, author, likes, comments, liked, as_of_ms]`."""

    post: Id
    author: Id
    likes: int
    comments: int
    liked: bool  # by whoever asked
    as_of_ms: int | None


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line: that a run begins, that an operation does, or how that ended.

    `invoked` has what was asked, `ok` what was answered. `failed` surely changed nothing, `unknown`
    may have; so may what was invoked and has no end. `unstarted` was due and could not begin.
    """

    phase: Phase
    at_ms: Ms
    op: int | UnsetType = UNSET  # unique in a run
    kind: Kind | UnsetType = UNSET
    due_ms: Ms | UnsetType = UNSET  # when it was to begin

    user: Id | UnsetType = UNSET  # who asks; of a join, who they are from now on
    name: str | UnsetType = UNSET
    password: str | UnsetType = UNSET  # of a user whom the run made
    post: Id | UnsetType = UNSET
    comment: Id | UnsetType = UNSET
    other: Id | UnsetType = UNSET  # who is followed, or whose timeline is read
    key: str | UnsetType = UNSET  # the Idempotency-Key
    private: bool | UnsetType = UNSET  # false: made public again
    cursor: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    text: str | UnsetType = UNSET
    poison: bool | UnsetType = UNSET  # hostile bytes, of which a post must fail

    seen: list[Seen] | UnsetType = UNSET  # in the order shown
    next: str | UnsetType | None = UNSET  # the cursor of the next page

    status: int | UnsetType = UNSET  # of HTTP
    problem: str | UnsetType = UNSET  # its slug
    error: str | UnsetType = UNSET  # why no answer came
    # Of `unstarted`: "connections", "no-subject", "stopped"; of a follow: "requested".
    why: str | UnsetType = UNSET

    version: int | UnsetType = UNSET  # from here on: of the header
    scenario: str | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    api: str | UnsetType = UNSET
    run: str | UnsetType = UNSET
    limits: Limits | UnsetType = UNSET


ENDS: frozenset[Phase] = frozenset({"ok", "failed", "unknown"})

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


class Writer:
    """Appends entries to a new file; one process's alone. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = path.open("xb", buffering=0)
        self._buffer = bytearray()
        self._refused: Unready | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, entry: Entry) -> None:
        """Remember it; raises Unready where the disk is full, and then ever after."""
        if self._refused:
            raise self._refused
        self._buffer += _encoder.encode(entry) + b"\n"
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """What was remembered stands in the file; raises as `write`."""
        try:
            while self._buffer:
                del self._buffer[: self._file.write(self._buffer)]
        except OSError as error:
            self._buffer.clear()  # what comes after a gap would not be a history
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            self._refused = Unready(
                f"the disk is full: {self.path} ends at {self._file.tell()} bytes, and can be read"
            )
            raise self._refused from error

    def close(self) -> None:
        """Flush, and write no more; raises as `write`."""
        try:
            self.flush()
        finally:
            self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """The entries of a file, or of all `*.jsonl` in a folder, in the order of `at_ms`.

    A last line that was cut short is left out. Raises InstastreamError naming any other line that
    is no entry, or that was said more than a second before the one above it: then a clock went
    back, and nobody can tell any more what was first.
    """
    paths = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not paths:
        raise InstastreamError(f"{path}: there is no *.jsonl in this folder")
    return heapq.merge(*map(_read_file, paths), key=_at_ms)


def _read_file(path: Path) -> Iterator[Entry]:
    waiting: list[tuple[float, int, Entry]] = []
    latest_ms, given_ms = -inf, -inf
    for number, entry in _decoded(path):
        if number == 1 and entry.phase != "header":
            raise InstastreamError(f"{path}:1: is no header, so this is no history")
        if entry.at_ms < given_ms:
            back_s = (latest_ms - entry.at_ms) / 1000
            raise InstastreamError(f"{path}:{number}: the clock went back by {back_s:.1f} s")
        latest_ms = max(latest_ms, entry.at_ms)
        heapq.heappush(waiting, (entry.at_ms, number, entry))
        while waiting[0][0] < latest_ms - WINDOW_MS:
            given_ms, _, earliest = heapq.heappop(waiting)
            yield earliest
    for _, _, entry in sorted(waiting):
        yield entry


def _decoded(path: Path) -> Iterator[tuple[int, Entry]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                entry = _decode(line)
            except ValueError as error:  # msgspec's are, and those of UTF-8
                if not line.endswith(b"\n"):
                    return
                raise InstastreamError(f"{path}:{number}: is no entry: {error}") from error
            yield number, entry


def _decode(line: bytes) -> Entry:
    entry = _decoder.decode(line)
    if entry.phase != "header" and (entry.op is UNSET or entry.kind is UNSET):
        raise ValueError("`op` and `kind` are missing")
    if entry.phase == "header" and entry.version != VERSION:
        raise ValueError(f"its version is {entry.version}, and {VERSION} is read here")
    return entry


def _at_ms(entry: Entry) -> float:
    return entry.at_ms


def header_of(history: Iterable[Entry]) -> tuple[Entry, Iterator[Entry]]:
    """A history's first header, and all of it again; raises InstastreamError where it is empty."""
    entries = iter(history)
    with suppress(StopIteration):
        first = next(entries)
        return first, _again(first, entries)
    raise InstastreamError("the history is empty")


def _again(first: Entry, rest: Iterator[Entry]) -> Iterator[Entry]:
    yield first
    yield from rest
