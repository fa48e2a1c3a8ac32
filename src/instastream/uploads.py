"""What may be uploaded, and whether what arrived is what was declared."""

import base64
import binascii
from contextlib import suppress

from instastream.errors import Rejected
from instastream.ids import MediaId, UserId, parse_media_id
from instastream.limits import (
    IMAGE_BYTES_MAX,
    MEBIBYTE,
    MULTIPART_TTL_S,
    UPLOAD_GRACE_S,
    UPLOAD_TTL_S,
    VIDEO_BYTES_MAX,
)
from instastream.stores.blobs import Blob
from instastream.stores.uploads import ABORTED, Claim, Upload

IMAGE_TYPES = (
    "image/avif",
    "image/gif",
    "image/heic",
    "image/jpeg",
    "image/png",
    "image/webp",
)
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm")
MEDIA_TYPES = IMAGE_TYPES + VIDEO_TYPES
ORIGINALS = "uploads/"
LATE_S = UPLOAD_GRACE_S - UPLOAD_TTL_S  # how long what has arrived may be finalized, after its TTL


def original_key(user_id: UserId, media_id: MediaId) -> str:
    """Where an original lies in the bucket."""
    return f"{ORIGINALS}{user_id}/{media_id}"


def key_of(upload: Upload) -> str:
    """Where its bytes lie."""
    return original_key(upload.user_id, upload.media_id)


def is_original(key: str) -> bool:
    """Whether it is such a place."""
    return key.startswith(ORIGINALS)


def media_id_of(key: str) -> MediaId | None:
    """Whose original may lie there; None where none ever does."""
    with suppress(Rejected):
        return parse_media_id(key.rpartition("/")[2])
    return None


def is_video(content_type: str) -> bool:
    """Whether the stream app `video` answers for it, and not `media`."""
    return content_type in VIDEO_TYPES


def check_declared(*, content_type: str, size_bytes: int, sha256: str) -> None:
    """Raise Rejected unless such an upload may begin."""
    if content_type not in MEDIA_TYPES:
        known = ", ".join(MEDIA_TYPES)
        raise Rejected("unsupported-media-type", f"{content_type!r} is not one of: {known}")
    kind, most = (
        ("a video", VIDEO_BYTES_MAX) if is_video(content_type) else ("an image", IMAGE_BYTES_MAX)
    )
    if not 0 < size_bytes <= most:
        raise Rejected("upload-too-large", f"{kind} has 1 byte to {most // MEBIBYTE} MiB")
    if not _is_sha256(sha256):
        raise Rejected("invalid-request", "sha256 must be the base64 of 32 bytes")


def check_not_aborted(claim: Claim) -> None:
    """Raise Rejected for an upload that its owner took back."""
    if claim == ABORTED:
        raise Rejected("upload-aborted", "this upload was aborted: request a new one")


def ttl_s(upload: Upload) -> int:
    """How long its bytes may be sent."""
    return _ttl_s(in_parts=upload.multipart_id is not None)


def usable_until_ms(declared_ms: int, *, in_parts: bool) -> int:
    """The last moment that what has arrived may be finalized."""
    return declared_ms + (_ttl_s(in_parts=in_parts) + LATE_S) * 1000


def _ttl_s(*, in_parts: bool) -> int:
    return MULTIPART_TTL_S if in_parts else UPLOAD_TTL_S


def check_in_time(upload: Upload, *, arrived: bool, now_ms: int) -> None:
    """Raise Rejected when it is too old: for its bytes to be sent, or a little later to be used."""
    age_s = (now_ms - upload.declared_ms) / 1000
    if age_s > ttl_s(upload) + (LATE_S if arrived else 0):
        raise Rejected("upload-expired", "this upload has expired: request a new one")


def is_over(upload: Upload, *, now_ms: int) -> bool:
    """Whether nobody can finalize it any more, whoever's clock is asked."""
    return now_ms - upload.declared_ms > (ttl_s(upload) + UPLOAD_GRACE_S) * 1000


def check_arrived(upload: Upload, blob: Blob | None, *, now_ms: int) -> None:
    """Raise Rejected unless the declared bytes lie in the store and are not too old."""
    check_in_time(upload, arrived=blob is not None, now_ms=now_ms)
    if blob is None and upload.multipart_id:
        raise Rejected("upload-incomplete", "send all parts, and complete the upload first")
    if blob is None:
        raise Rejected("upload-missing", "nothing was uploaded yet: PUT the bytes first")
    if blob.size_bytes != upload.size_bytes or blob.sha256 not in (None, upload.sha256):
        raise Rejected("upload-mismatch", "what was uploaded is not what was declared")


def _is_sha256(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except binascii.Error:
        return False
