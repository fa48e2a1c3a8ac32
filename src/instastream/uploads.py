"""What may be uploaded, and whether what arrived is what was declared."""

import base64
import binascii

from instastream.errors import Rejected
from instastream.ids import MediaId, UserId
from instastream.limits import IMAGE_BYTES_MAX, UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.stores.blobs import Blob
from instastream.stores.uploads import Upload

IMAGE_TYPES = (
    "image/avif",
    "image/gif",
    "image/heic",
    "image/jpeg",
    "image/png",
    "image/webp",
)


def original_key(user_id: UserId, media_id: MediaId) -> str:
    """Where an original lies in the bucket."""
    return f"uploads/{user_id}/{media_id}"


def is_original(key: str) -> bool:
    """Whether it is such a place."""
    return key.startswith("uploads/")


def check_declared(*, content_type: str, size_bytes: int, sha256: str) -> None:
    """Raise Rejected unless such an upload may begin."""
    if content_type not in IMAGE_TYPES:
        known = ", ".join(IMAGE_TYPES)
        raise Rejected("unsupported-media-type", f"{content_type!r} is not one of: {known}")
    if not 0 < size_bytes <= IMAGE_BYTES_MAX:
        raise Rejected("upload-too-large", f"an image has 1 to {IMAGE_BYTES_MAX} bytes")
    if not _is_sha256(sha256):
        raise Rejected("invalid-request", "sha256 must be the base64 of 32 bytes")


def check_arrived(upload: Upload, blob: Blob | None, *, now_ms: int) -> None:
    """Raise Rejected unless the declared bytes lie in the store and are not too old."""
    age_s = (now_ms - upload.declared_ms) / 1000
    if age_s > (UPLOAD_GRACE_S if blob else UPLOAD_TTL_S):
        raise Rejected("upload-expired", "this upload has expired: request a new one")
    if blob is None:
        raise Rejected("upload-missing", "nothing was uploaded yet: PUT the bytes first")
    if blob.size_bytes != upload.size_bytes or blob.sha256 not in (None, upload.sha256):
        raise Rejected("upload-mismatch", "what was uploaded is not what was declared")


def _is_sha256(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except binascii.Error:
        return False
