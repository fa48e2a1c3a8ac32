"""Ids that sort by time: 41-bit milliseconds, 10-bit worker, 12-bit sequence, as 19 digits."""

import re
from datetime import UTC, datetime
from typing import NewType

from msgspec import Struct

from instastream.errors import Rejected, Unavailable

UserId = NewType("UserId", str)
PostId = NewType("PostId", str)
CommentId = NewType("CommentId", str)
LikeId = NewType("LikeId", str)
MediaId = NewType("MediaId", str)  # a random UUID: nobody can guess whose upload comes next

EPOCH_MS = 1_420_070_400_000  # 2015: ids from 2023 to 2082 have 19 digits and sort as strings
WORKERS = 1 << 10
SEQUENCES = 1 << 12  # ids a worker can mint in one millisecond
CLOCK_AHEAD_MS_MAX = 60_000  # far more than any synchronised clock is ahead
CLOCK_BACK_MS_MAX = 5_000  # a clock stepped back by more is wrong, not corrected

SNOWFLAKE_PATTERN = "^[1-8][0-9]{18}$"  # none is beyond 64 bits
UUID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def compose(*, at_ms: int, worker: int, sequence: int) -> str:
    """The id minted at `at_ms` (Unix milliseconds) by `worker` as its `sequence`-th."""
    return str((at_ms - EPOCH_MS) << 22 | worker << 12 | sequence)


OLDEST = PostId("0")  # below every id


def newest(now_ms: int) -> PostId:
    """An id above every id minted by now, also by clocks that are a little ahead."""
    return PostId(compose(at_ms=now_ms + CLOCK_AHEAD_MS_MAX, worker=0, sequence=0))


def minted_ms(snowflake: str) -> int:
    """When an id was minted, in Unix milliseconds."""
    return (int(snowflake) >> 22) + EPOCH_MS


def month_of(snowflake: str) -> int:
    """The UTC month of an id, as 202611: what buckets an author's timeline."""
    at = datetime.fromtimestamp(minted_ms(snowflake) / 1000, UTC)
    return at.year * 100 + at.month


def month_before(month: int) -> int:
    """202601 → 202512."""
    return month - 1 if month % 100 > 1 else month - 100 + 11


def parse_user_id(text: str) -> UserId:
    """A user id from a client; raises Rejected when it can't be one."""
    return UserId(_matched(SNOWFLAKE_PATTERN, text))


def parse_post_id(text: str) -> PostId:
    """A post id from a client; raises Rejected when it can't be one."""
    return PostId(_matched(SNOWFLAKE_PATTERN, text))


def parse_comment_id(text: str) -> CommentId:
    """A comment id from a client; raises Rejected when it can't be one."""
    return CommentId(_matched(SNOWFLAKE_PATTERN, text))


def parse_media_id(text: str) -> MediaId:
    """A media id from a client; raises Rejected when it can't be one."""
    return MediaId(_matched(UUID_PATTERN, text))


def _matched(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text):
        raise Rejected("invalid-id", f"{text[:40]!r} is not an id of this API")
    return text


class Lease(Struct, frozen=True):
    """The right to mint ids as `worker` for times in [start_ms, end_ms), held by nobody else."""

    worker: int
    start_ms: int
    end_ms: int


class Mint:
    """Ids of one lease, strictly ascending, even when the clock steps back a little."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._ms = lease.start_ms
        self._sequence = -1

    @property
    def end_ms(self) -> int:
        """No id was minted for this time or later."""
        return self._ms + 1

    def covers(self, now_ms: int) -> bool:
        """Whether `next` has a time within the lease."""
        return max(now_ms, self._ms + 1) < self.lease.end_ms

    def next(self, now_ms: int) -> str:
        """The next id; raises Unavailable when the clock is far behind the last id."""
        if now_ms < self._ms - CLOCK_BACK_MS_MAX:
            raise Unavailable("the clock", f"it stepped back by {self._ms - now_ms} ms")
        if now_ms > self._ms or self._sequence + 1 == SEQUENCES:
            self._ms, self._sequence = max(now_ms, self._ms + 1), 0
        else:
            self._sequence += 1
        assert self._ms < self.lease.end_ms
        return compose(at_ms=self._ms, worker=self.lease.worker, sequence=self._sequence)
