"""What every event has: when it happened, its topic, its key; and what ids look like in one."""

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
from instastream.spelling import whole

SNOWFLAKE = Meta(pattern=whole(SNOWFLAKE_PATTERN))

User = Annotated[UserId, SNOWFLAKE]
Post = Annotated[PostId, SNOWFLAKE]
Comment = Annotated[CommentId, SNOWFLAKE]
Like = Annotated[LikeId, SNOWFLAKE]
Media = Annotated[MediaId, Meta(pattern=whole(UUID_PATTERN))]
Count = Annotated[int, Meta(ge=0)]


class Event(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """A past fact; `at_ms` is when it became one, in Unix milliseconds."""

    topic: ClassVar[str]
    key_field: ClassVar[str]

    at_ms: Count

    @property
    def key(self) -> str:
        """What orders it: events of one key share a partition."""
        return str(getattr(self, self.key_field))
