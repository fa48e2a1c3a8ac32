"""What every event has: when it happened, its topic, its key; and what ids look like in one.

What the published schemas don't say is refused here, as they may not change: an event that is
made or decoded checks in `__post_init__` that its numbers are `at_most` what can be kept and shown.
"""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from instastream.ids import (
    SNOWFLAKE_PATTERN,
    UUID_PATTERN,
    CommentId,
    LikeId,
    MediaId,
    PostId,
    UserId,
)
from instastream.limits import AT_MS_MAX
from instastream.spelling import whole

SNOWFLAKE = Meta(pattern=whole(SNOWFLAKE_PATTERN))

User = Annotated[UserId, SNOWFLAKE]
Post = Annotated[PostId, SNOWFLAKE]
Comment = Annotated[CommentId, SNOWFLAKE]
Like = Annotated[LikeId, SNOWFLAKE]
Media = Annotated[MediaId, Meta(pattern=whole(UUID_PATTERN))]
Count = Annotated[int, Meta(ge=0)]


def at_most(limit: int, number: int, field: str) -> None:
    """Raise ValueError, as msgspec says it, where a field of an event is larger."""
    if number > limit:
        raise ValueError(f"Expected `int` <= {limit} - at `$.{field}`")


class Event(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """A past fact; `at_ms` is when it became one, in Unix milliseconds."""

    topic: ClassVar[str]
    key_field: ClassVar[str]

    at_ms: Count

    def __post_init__(self) -> None:
        at_most(AT_MS_MAX, self.at_ms, "at_ms")

    @property
    def key(self) -> str:
        """What orders it: events of one key share a partition."""
        return str(getattr(self, self.key_field))
