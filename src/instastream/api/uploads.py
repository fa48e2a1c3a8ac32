"""Uploads: where to PUT the bytes of a picture."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from instastream import commands
from instastream.api.fields import ContentType, Sha256, SizeBytes, Timestamp, UploadId
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.limits import UPLOAD_TTL_S


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


class Upload(Struct, frozen=True):
    """A place for exactly the bytes that were declared, until it expires."""

    media_id: UploadId
    expires_at: Timestamp
    put: Put


async def create(asked: Asked[Nothing, NewUpload]) -> Answer[Upload]:
    """A presigned PUT."""
    upload, put = await commands.request_upload(
        asked.viewer,
        content_type=asked.body.content_type,
        size_bytes=int(asked.body.size_bytes),
        sha256=asked.body.sha256,
        deps=asked.deps,
    )
    expires_at = datetime.fromtimestamp(upload.declared_ms / 1000 + UPLOAD_TTL_S, UTC)
    return Answer(Upload(upload.media_id, expires_at, Put(put.url, "PUT", put.headers)))


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/uploads",
        summary="Ask where to PUT a picture",
        endpoint=create,
        query=Nothing,
        body=NewUpload,
        shown=Upload,
        status=201,
        problems=("unsupported-media-type", "upload-too-large"),
    ),
)
