"""What may be declared, until when it may arrive, and whether what did is what was declared."""

import pytest
from msgspec.structs import replace

from instastream.errors import Rejected
from instastream.ids import MediaId, PostId, UserId
from instastream.limits import (
    IMAGE_BYTES_MAX,
    MULTIPART_TTL_S,
    UPLOAD_GRACE_S,
    UPLOAD_TTL_S,
    VIDEO_BYTES_MAX,
)
from instastream.stores.blobs import Blob
from instastream.stores.uploads import ABORTED, Claim, Upload
from instastream.uploads import (
    IMAGE_TYPES,
    VIDEO_TYPES,
    check_arrived,
    check_declared,
    check_not_aborted,
    is_original,
    is_over,
    is_video,
    key_of,
    media_id_of,
    usable_until_ms,
)

SHA256 = "A" * 43 + "="
UPLOAD = Upload(
    media_id=MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"),
    user_id=UserId("1571234567890123456"),
    content_type="image/jpeg",
    size_bytes=25,
    sha256=SHA256,
    declared_ms=1_795_000_000_000,
)
IN_PARTS = replace(UPLOAD, multipart_id="an id")
LIMITS = [(kind, IMAGE_BYTES_MAX) for kind in IMAGE_TYPES] + [
    (kind, VIDEO_BYTES_MAX) for kind in VIDEO_TYPES
]


def problem(content_type: str, size_bytes: int) -> str | None:
    try:
        check_declared(content_type=content_type, size_bytes=size_bytes, sha256=SHA256)
    except Rejected as error:
        return error.problem
    return None


@pytest.mark.parametrize(("content_type", "most"), LIMITS)
def test_every_type_has_its_limit(content_type: str, most: int) -> None:
    assert problem(content_type, 0) == "upload-too-large"
    assert problem(content_type, most - 1) is None
    assert problem(content_type, most) is None
    assert problem(content_type, most + 1) == "upload-too-large"


@pytest.mark.parametrize(
    ("content_type", "detail"),
    [
        ("image/png", "an image has 1 byte to 30 MiB"),
        ("video/mp4", "a video has 1 byte to 500 MiB"),
    ],
)
def test_a_size_that_is_refused_is_told_the_limits_as_people_say_them(
    content_type: str, detail: str
) -> None:
    with pytest.raises(Rejected) as rejected:
        check_declared(content_type=content_type, size_bytes=0, sha256=SHA256)
    assert rejected.value.detail == detail


def test_a_type_that_is_refused_is_told_those_that_are_not() -> None:
    with pytest.raises(Rejected, match="'text/html' is not one of: image/avif, image/gif, image/"):
        check_declared(content_type="text/html", size_bytes=1, sha256=SHA256)


@pytest.mark.parametrize("sha256", ["", "A" * 43, "A" * 42 + "==", "A" * 47 + "=", "\n" + SHA256])
def test_a_digest_is_32_bytes_in_base64_and_nothing_else(sha256: str) -> None:
    with pytest.raises(Rejected) as rejected:
        check_declared(content_type="image/png", size_bytes=1, sha256=sha256)
    assert rejected.value.problem == "invalid-request"
    assert rejected.value.detail == "sha256 must be the base64 of 32 bytes"


def test_a_type_belongs_to_one_app() -> None:
    assert all(is_video(content_type) for content_type in VIDEO_TYPES)
    assert not any(is_video(content_type) for content_type in IMAGE_TYPES)


@pytest.mark.parametrize("content_type", ["video/x-matroska", "application/x-mpegurl", "video/"])
def test_other_videos_are_not_accepted(content_type: str) -> None:
    assert problem(content_type, 1) == "unsupported-media-type"


def test_an_original_lies_where_its_owner_and_its_id_say() -> None:
    key = key_of(UPLOAD)
    assert key == f"uploads/{UPLOAD.user_id}/{UPLOAD.media_id}"
    assert is_original(key)
    assert media_id_of(key) == UPLOAD.media_id
    assert not is_original("media/a/uploads/b")
    assert media_id_of("uploads/a/b") is None


@pytest.mark.parametrize(
    ("upload", "blob", "problem", "detail"),
    [
        (UPLOAD, Blob(25, SHA256), None, None),
        (UPLOAD, Blob(25, None), None, None),  # of a store that keeps no digests
        (UPLOAD, Blob(26, SHA256), "upload-mismatch", "what was uploaded is not what was declared"),
        (UPLOAD, Blob(25, "B"), "upload-mismatch", "what was uploaded is not what was declared"),
        (UPLOAD, None, "upload-missing", "nothing was uploaded yet: PUT the bytes first"),
        (IN_PARTS, Blob(25, SHA256), None, None),
        (IN_PARTS, None, "upload-incomplete", "send all parts, and complete the upload first"),
    ],
)
def test_what_has_arrived_must_be_what_was_declared(
    upload: Upload, blob: Blob | None, problem: str | None, detail: str | None
) -> None:
    assert arriving(upload, blob, after_ms=0) == (problem, detail)


@pytest.mark.parametrize(("upload", "ttl_s"), [(UPLOAD, UPLOAD_TTL_S), (IN_PARTS, MULTIPART_TTL_S)])
def test_bytes_may_be_sent_for_a_while_used_a_little_later_and_are_then_nobodys(
    upload: Upload, ttl_s: int
) -> None:
    expired = ("upload-expired", "this upload has expired: request a new one")
    missing, _ = arriving(upload, None, after_ms=0)
    there, used_s = Blob(25, SHA256), ttl_s + UPLOAD_GRACE_S - UPLOAD_TTL_S
    assert arriving(upload, None, after_ms=ttl_s * 1000)[0] == missing
    assert arriving(upload, None, after_ms=ttl_s * 1000 + 1) == expired
    assert arriving(upload, there, after_ms=used_s * 1000) == (None, None)
    assert arriving(upload, there, after_ms=used_s * 1000 + 1) == expired
    until_ms = usable_until_ms(upload.declared_ms, in_parts=upload is IN_PARTS)
    assert until_ms == upload.declared_ms + used_s * 1000
    over_ms = upload.declared_ms + (ttl_s + UPLOAD_GRACE_S) * 1000
    assert not is_over(upload, now_ms=over_ms)
    assert is_over(upload, now_ms=over_ms + 1)


def arriving(
    upload: Upload, blob: Blob | None, *, after_ms: int
) -> tuple[str, str] | tuple[None, None]:
    """The problem and the sentence with which it is refused, that long after it was declared."""
    try:
        check_arrived(upload, blob, now_ms=upload.declared_ms + after_ms)
    except Rejected as error:
        return error.problem, error.detail
    return None, None


def test_what_its_owner_took_back_is_refused() -> None:
    check_not_aborted(Claim(PostId("1571234567890123457"), "a digest"))
    with pytest.raises(Rejected) as rejected:
        check_not_aborted(ABORTED)
    assert rejected.value.problem == "upload-aborted"
    assert rejected.value.detail == "this upload was aborted: request a new one"
