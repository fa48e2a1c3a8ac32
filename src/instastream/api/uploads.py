"""Uploads: where to PUT the bytes of a picture or a video, whole or in parts."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from instastream import commands, multipart
from instastream.api.fields import (
    ContentType,
    PartNumber,
    PartSha256,
    PartSha256s,
    Sha256,
    SizeBytes,
    Timestamp,
    UploadId,
)
from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.ids import parse_media_id
from instastream.limits import IMAGE_BYTES_MAX, PART_BYTES, PARTS_MAX
from instastream.multipart import Progress
from instastream.pacing import pace
from instastream.parts import part_count
from instastream.stores import uploads
from instastream.stores.blobs import SignedPut
from instastream.uploads import VIDEO_TYPES, is_video, ttl_s


class NewUpload(Struct, frozen=True, forbid_unknown_fields=True):
    """What will be uploaded."""

    content_type: ContentType
    size_bytes: SizeBytes
    sha256: Sha256


class Put(Struct, frozen=True):
    """The request that uploads: send every header as it stands."""

    url: str
    method: Literal["PUT"]
    headers: dict[str, str]


class Parts(Struct, frozen=True):
    """How to cut the bytes, and which parts have arrived."""

    size_bytes: Annotated[int, Meta(description="Of each part but the last, which has the rest.")]
    count: int
    arrived: list[int]


class Upload(Struct, frozen=True, kw_only=True):
    """A place for exactly the bytes that were declared, until it expires."""

    media_id: UploadId
    expires_at: Timestamp
    complete: Annotated[bool, Meta(description="Whether all is there and can be finalized.")]
    put: Annotated[Put | UnsetType, Meta(description="Of a new upload that is one PUT.")] = UNSET
    parts: Annotated[Parts | UnsetType, Meta(description="Of one that is sent in parts.")] = UNSET


class NewPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A part to be sent, or to be sent again."""

    number: PartNumber
    sha256: PartSha256


class NewParts(Struct, frozen=True, forbid_unknown_fields=True):
    """Some or all."""

    parts: Annotated[list[NewPart], Meta(min_length=1, max_length=PARTS_MAX)]


class Completion(Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts must be."""

    sha256s: PartSha256s


class Part(Struct, frozen=True):
    """Where one part goes."""

    number: int
    put: Put


class SignedParts(Struct, frozen=True):
    """Where parts go, in their order."""

    parts: list[Part]


async def create(asked: Asked[Nothing, NewUpload]) -> Answer[Upload]:
    """A presigned PUT, or how to cut the bytes."""
    await pace("uploads", asked.viewer, asked.deps)
    if is_video(asked.body.content_type):
        await pace("videos", asked.viewer, asked.deps)
    upload, put = await commands.request_upload(
        asked.viewer,
        content_type=asked.body.content_type,
        size_bytes=int(asked.body.size_bytes),
        sha256=asked.body.sha256,
        deps=asked.deps,
    )
    return Answer(_show(upload, complete=False, arrived=[], put=_put(put) if put else UNSET))


async def get(asked: Asked[Nothing, Nothing]) -> Answer[Upload]:
    """What has arrived."""
    return Answer(_progress(await multipart.look_up(asked.viewer, _media_id(asked), asked.deps)))


async def sign_parts(asked: Asked[Nothing, NewParts]) -> Answer[SignedParts]:
    """A presigned PUT for each part."""
    sha256s, media_id = {int(one.number): one.sha256 for one in asked.body.parts}, _media_id(asked)
    await pace("parts", asked.viewer, asked.deps)
    puts = await multipart.sign_parts(asked.viewer, media_id, sha256s, asked.deps)
    return Answer(SignedParts([Part(number, _put(put)) for number, put in puts.items()]))


async def complete(asked: Asked[Nothing, Completion]) -> Answer[Upload]:
    """All of it."""
    sha256s, media_id = asked.body.sha256s, _media_id(asked)
    return Answer(_progress(await multipart.complete(asked.viewer, media_id, sha256s, asked.deps)))


async def abort(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Nothing is left to show."""
    await multipart.abort(asked.viewer, _media_id(asked), asked.deps)
    return Answer(NOTHING)


def _media_id(asked: Asked[Nothing, Any]) -> UploadId:
    return parse_media_id(asked.path["media_id"])


def _put(put: SignedPut) -> Put:
    return Put(put.url, "PUT", put.headers)


def _progress(progress: Progress) -> Upload:
    count = part_count(progress.upload.size_bytes)
    arrived = range(1, count + 1) if progress.complete else progress.arrived
    return _show(progress.upload, complete=progress.complete, arrived=sorted(arrived))


def _show(
    upload: uploads.Upload, *, complete: bool, arrived: list[int], put: Put | UnsetType = UNSET
) -> Upload:
    count = part_count(upload.size_bytes)
    return Upload(
        media_id=upload.media_id,
        expires_at=datetime.fromtimestamp(upload.declared_ms / 1000 + ttl_s(upload), UTC),
        complete=complete,
        put=put,
        parts=Parts(PART_BYTES, count, arrived) if upload.multipart_id else UNSET,
    )


SIZES = {
    "anyOf": [
        {"properties": {"size_bytes": {"maximum": IMAGE_BYTES_MAX}}},
        {"properties": {"content_type": {"enum": list(VIDEO_TYPES)}}},
    ]
}
GONE = ("upload-not-found", "upload-expired", "upload-aborted")

OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/uploads",
        summary="Ask where to PUT a picture or a video",
        endpoint=create,
        query=Nothing,
        body=NewUpload,
        shown=Upload,
        status=201,
        body_schema=SIZES,
        problems=("unsupported-media-type", "upload-too-large", "too-many-uploads"),
        paces=("uploads", "videos"),
    ),
    Operation(
        method="GET",
        path="/v1/uploads/{media_id}",
        summary="Look at what has arrived of an own upload",
        endpoint=get,
        query=Nothing,
        body=Nothing,
        shown=Upload,
        problems=GONE,
    ),
    Operation(
        method="DELETE",
        path="/v1/uploads/{media_id}",
        summary="Abort an upload that is not a post; again changes nothing",
        endpoint=abort,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        problems=("upload-not-found", "upload-already-used"),
    ),
    Operation(
        method="POST",
        path="/v1/uploads/{media_id}/parts",
        summary="Ask where to PUT parts, as often as wanted",
        endpoint=sign_parts,
        query=Nothing,
        body=NewParts,
        shown=SignedParts,
        problems=(*GONE, "upload-complete"),
        paces=("parts",),
    ),
    Operation(
        method="POST",
        path="/v1/uploads/{media_id}/complete",
        summary="Put the parts together; again changes nothing",
        endpoint=complete,
        query=Nothing,
        body=Completion,
        shown=Upload,
        problems=(*GONE, "upload-incomplete", "upload-mismatch"),
    ),
)
