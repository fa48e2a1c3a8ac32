"""The fields that clients send and see: their types, limits and patterns."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from instastream.api.cursors import CURSOR_PATTERN
from instastream.ids import SNOWFLAKE_PATTERN, UUID_PATTERN, MediaId
from instastream.limits import (
    ALT_TEXT_LENGTH_MAX,
    CAPTION_LENGTH_MAX,
    COMMENT_LENGTH_MAX,
    IDEMPOTENCY_KEY_LENGTH_MAX,
    PAGE_LENGTH_MAX,
    PARTS_MAX,
    PASSWORD_LENGTH_MAX,
    PASSWORD_LENGTH_MIN,
    USERNAME_LENGTH_MAX,
    USERNAME_LENGTH_MIN,
    VIDEO_BYTES_MAX,
)
from instastream.media import VARIANTS
from instastream.spelling import whole
from instastream.texts import TEXT_PATTERN, USERNAME_PATTERN
from instastream.uploads import MEDIA_TYPES

SIZES = tuple(spec.name for spec in VARIANTS)
IMAGES = (*SIZES, "animated")
SIZE_DEFAULT = "feed"
SHA256_PATTERN = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"  # the one way to write 32 bytes
REFRESH_TOKEN_PATTERN = "^[A-Za-z0-9_-]{43}$"
IDEMPOTENCY_KEY_PATTERN = f"^[!-~]{{1,{IDEMPOTENCY_KEY_LENGTH_MAX}}}$"

assert SIZE_DEFAULT in SIZES


def timestamp(unix_ms: int) -> datetime:
    """A time as clients see it."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


Username = Annotated[
    str,
    Meta(
        min_length=USERNAME_LENGTH_MIN,
        max_length=USERNAME_LENGTH_MAX,
        pattern=whole(USERNAME_PATTERN),
        description="Lower-case letters, digits, `_`, and `.` except at its ends.",
        examples=["ada.lovelace"],
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        min_length=PASSWORD_LENGTH_MIN,
        max_length=PASSWORD_LENGTH_MAX,
        description="Any characters.",
        examples=["correct horse battery"],
    ),
]
Password = Annotated[str, Meta(max_length=PASSWORD_LENGTH_MAX, examples=["correct horse battery"])]
RefreshToken = Annotated[
    str,
    Meta(
        pattern=whole(REFRESH_TOKEN_PATTERN),
        description="As it was answered; it can be used once.",
        examples=["Yb0Vd3mIhFz1kq9oXW4cUeLtSgAjRnP7a_5-T2iKxZE"],
    ),
]
SnowflakeId = Annotated[
    str, Meta(pattern=whole(SNOWFLAKE_PATTERN), examples=["1571234567890123456"])
]
UploadId = Annotated[
    MediaId,
    Meta(
        pattern=whole(UUID_PATTERN),
        description="As POST /v1/uploads answered it.",
        examples=["6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"],
    ),
]
Caption = Annotated[
    str,
    Meta(
        max_length=CAPTION_LENGTH_MAX,
        pattern=whole(TEXT_PATTERN),
        description="Plain text; lines may break.",
        examples=["Dandelions, an hour before rain"],
    ),
]
AltText = Annotated[
    str,
    Meta(
        max_length=ALT_TEXT_LENGTH_MAX,
        pattern=whole(TEXT_PATTERN),
        description="What the picture shows, for those who can't see it.",
        examples=["A field of dandelions under dark clouds"],
    ),
]
CommentText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=COMMENT_LENGTH_MAX,
        pattern=whole(TEXT_PATTERN),
        description="Plain text with something to be seen in it; lines may break. Whom it names "
        "as `@username` is mentioned.",
        examples=["What a field, @ada.lovelace!"],
    ),
]
# Where a schema is extra, another function decides: it has a problem type of its own.
ContentType = Annotated[
    str, Meta(extra_json_schema={"enum": list(MEDIA_TYPES)}, examples=["image/jpeg"])
]
SizeBytes = Annotated[
    float,  # JSON knows no other numbers: 131.0 is an integer
    Meta(
        multiple_of=1,
        extra_json_schema={"minimum": 1, "maximum": VIDEO_BYTES_MAX},
        examples=[2_481_152],
    ),
]
Sha256 = Annotated[
    str,
    Meta(
        pattern=whole(SHA256_PATTERN),
        description="The SHA-256 of the bytes, in base64; of those that are sent in parts, the "
        "SHA-256 of the digests of all parts, one after another.",
        examples=["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
    ),
]
PartSha256 = Annotated[
    str,
    Meta(
        pattern=whole(SHA256_PATTERN),
        description="The SHA-256 of a part, in base64.",
        examples=["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
    ),
]
PartSha256s = Annotated[
    list[PartSha256], Meta(min_length=1, max_length=PARTS_MAX, description="In order.")
]
PartNumber = Annotated[
    float,  # as SizeBytes
    Meta(multiple_of=1, ge=1, le=PARTS_MAX, description="Counted from 1.", examples=[3]),
]
Timestamp = Annotated[datetime, Meta(tz=True, examples=["2026-11-24T14:20:00.123000Z"])]
PageLength = Annotated[int, Meta(ge=1, le=PAGE_LENGTH_MAX, description="How many.")]
Cursor = Annotated[
    str,
    Meta(
        extra_json_schema={"pattern": CURSOR_PATTERN},
        description="As `next_cursor` of a page was.",
        examples=["AhXOJYPF57rAG1Z867PUO6Fe"],
    ),
]
UsersCursor = Annotated[
    str,
    Meta(
        extra_json_schema={"pattern": CURSOR_PATTERN},
        description="As `next_cursor` of a page of the same list was.",
        examples=["AhXOJYPF57rA6RsUOPONeui-"],
    ),
]
CommentsCursor = Annotated[
    str,
    Meta(
        extra_json_schema={"pattern": CURSOR_PATTERN},
        description="As `next_cursor` of a page of the same list, in the same order, was.",
        examples=["AhXOJYPF57rAG1Z867PUO6Fe"],
    ),
]
Size = Annotated[
    str,
    Meta(extra_json_schema={"enum": list(SIZES)}, description="Which rendering `image` is."),
]

# What clients are told instead of the pattern that a text did not match.
MEANINGS = {
    whole(USERNAME_PATTERN): "must hold only lower-case letters, digits, `_`, and `.` except "
    "at its ends",
    whole(TEXT_PATTERN): "must be plain text, without control characters",
    whole(SHA256_PATTERN): "must be the base64 of 32 bytes",
    whole(REFRESH_TOKEN_PATTERN): "must be a refresh token as it was answered",
    whole(SNOWFLAKE_PATTERN): "must be an id of this API",
    whole(UUID_PATTERN): "must be the media_id of an upload",
}
