"""What a load run remembers of every operation: one line of JSON each, and how it is read again."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from math import inf
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from instastream.errors import InstastreamError
from instastream.load import jsonlines
from instastream.load.jsonlines import Writer, bad_line

VERSION = 2
VERSIONS = (1, VERSION)  # that are read; the first had no footers
WINDOW_MS = 1_000.0  # lines of one file are in order but for what was said within a moment

Phase = Literal["header", "invoked", "ok", "failed", "unknown", "unstarted", "footer"]
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
    """One line: that a file begins or is whole, that an operation begins, or how it ended.

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
FRAME: frozenset[Phase] = frozenset({"header", "footer"})


@contextmanager
def writing(path: Path, header: Entry, *, now_ms: Callable[[], float]) -> Iterator[Writer]:
    """A new file of a history: what its body writes, between a header and a footer.

    However the body ends, all that it did is written then; where the disk is full nothing is.
    """
    with Writer(path) as notes:
        notes.write(header)
        try:
            yield notes
        finally:
            notes.write(Entry(phase="footer", at_ms=now_ms()))


def read(path: Path, *, cut_short: bool = False) -> Iterator[Entry]:
    """The entries of a file, or of all `*.jsonl` in a folder, in the order of `at_ms`.

    Raises InstastreamError where one has no footer, unless it may be `cut_short`: what was done
    then is not known, and the system would be accused of it. Then, too, a last line that is cut is
    left out. Raises it naming any other line that is no entry, or that was said more than a second
    before the one above it: a clock went back, and nobody can tell any more what was first.
    """
    paths = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not paths:
        raise InstastreamError(f"{path}: there is no *.jsonl in this folder")
    files = (_read_file(one, cut_short=cut_short) for one in paths)
    return heapq.merge(*files, key=attrgetter("at_ms"))


def _read_file(path: Path, *, cut_short: bool) -> Iterator[Entry]:
    waiting: list[tuple[float, int, Entry]] = []
    latest_ms, given_ms, is_whole = -inf, -inf, False
    for number, entry in jsonlines.read(path, Entry):
        if number == 1 and entry.phase != "header":
            raise bad_line(path, 1, "it is no header, so this is no history")
        if why := _fault(entry):
            raise bad_line(path, number, why)
        if entry.at_ms < given_ms:
            back_s = (latest_ms - entry.at_ms) / 1000
            raise bad_line(path, number, f"the clock went back by {back_s:.1f} s")
        latest_ms, is_whole = max(latest_ms, entry.at_ms), entry.phase == "footer"
        heapq.heappush(waiting, (entry.at_ms, number, entry))
        while waiting[0][0] < latest_ms - WINDOW_MS:
            given_ms, _, earliest = heapq.heappop(waiting)
            yield earliest
    if not (is_whole or cut_short):
        raise InstastreamError(
            f"{path}: its end is missing, or it is of a version that had none: nothing can be said "
            "about what the system shows, as more may have been done; `instastream load parquet` "
            "reads what there is"
        )
    for _, _, entry in sorted(waiting):
        yield entry


def _fault(entry: Entry) -> str:
    """What is wrong with a line that is an entry, if there is something."""
    if entry.phase not in FRAME and (entry.op is UNSET or entry.kind is UNSET):
        return "`op` and `kind` are missing"
    if entry.phase == "header" and entry.version not in VERSIONS:
        return f"its version is {entry.version}, and up to {VERSION} is read here"
    return ""


def header_of(history: Iterable[Entry]) -> tuple[Entry, Iterator[Entry]]:
    """A history's first header, and all of it again; raises InstastreamError where it is empty."""
    entries = iter(history)
    for first in entries:
        return first, chain([first], entries)
    raise InstastreamError("the history is empty")
