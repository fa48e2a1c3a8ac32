"""Objects that arrive in parts, over the S3 API."""

from collections.abc import AsyncIterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from botocore.exceptions import ClientError

from instastream.errors import Rejected
from instastream.limits import UPLOAD_TTL_S
from instastream.stores.blobs import SignedPut
from instastream.stores.multiparts import Begun, Part
from instastream.stores.s3 import translated

NUMBER = itemgetter("PartNumber")
OTHER_BYTES = ("BadDigest", "InvalidPart", "InvalidRequest")  # each server has its word for it


class S3Multiparts:
    """Multiparts in one bucket; the store checks the SHA-256 of each part, and of all at the end.

    An upload has few parts: one page of a list shows them all.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def begin(self, key: str, *, content_type: str) -> str:
        with translated():
            begun = await self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
            )
        return str(begun["UploadId"])

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size_bytes: int, sha256: str
    ) -> SignedPut:
        signed = {"PartNumber": number, "ContentLength": size_bytes, "ChecksumSHA256": sha256}
        with translated():
            url = await self._client.generate_presigned_url(
                "upload_part", self._named(key, multipart_id) | signed, ExpiresIn=UPLOAD_TTL_S
            )
        headers = {"content-length": str(size_bytes), "x-amz-checksum-sha256": sha256}
        return SignedPut(url, headers)

    async def parts(self, key: str, multipart_id: str) -> dict[int, Part] | None:
        with translated():
            try:
                page = await self._client.list_parts(**self._named(key, multipart_id))
            except ClientError as error:
                if _is_gone(error):
                    return None
                raise
        by_number = groupby(sorted(page.get("Parts", []), key=NUMBER), key=NUMBER)
        latest = {number: _latest(list(sent)) for number, sent in by_number}
        return {number: part for number, part in latest.items() if part}

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        named = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": sha256}
            for part, sha256 in zip(parts, sha256s, strict=True)
        ]
        with translated():
            try:
                await self._client.complete_multipart_upload(
                    **self._named(key, multipart_id),
                    MultipartUpload={"Parts": named},
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if _is_gone(error):
                    return False
                code = error.response["Error"]["Code"]
                if code in OTHER_BYTES:
                    raise Rejected("upload-mismatch", "a part is not what it should be") from error
                if code != "PreconditionFailed":
                    raise
        return True

    async def abort(self, key: str, multipart_id: str) -> None:
        with translated():
            try:
                await self._client.abort_multipart_upload(**self._named(key, multipart_id))
            except ClientError as error:
                if not _is_gone(error):
                    raise

    async def begun(self, prefix: str) -> AsyncIterator[Begun]:
        after: dict[str, str] = {}
        while True:
            with translated():
                page = await self._client.list_multipart_uploads(
                    Bucket=self._bucket, Prefix=prefix, **after
                )
            uploads = page.get("Uploads", [])
            for one in uploads:
                yield Begun(one["Key"], one["UploadId"], int(one["Initiated"].timestamp() * 1000))
            if not uploads or not page["IsTruncated"]:
                return
            # Not NextKeyMarker: SeaweedFS does not say it.
            after = {"KeyMarker": uploads[-1]["Key"], "UploadIdMarker": uploads[-1]["UploadId"]}

    def _named(self, key: str, multipart_id: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": key, "UploadId": multipart_id}


def _latest(sent: list[dict[str, Any]]) -> Part | None:
    """What was sent twice SeaweedFS lists twice, in any order: the later one counts.

    Times are whole seconds: of different bytes within one nobody knows which are meant, so the
    part has not arrived, and is to be sent once more.
    """
    last = max(each["LastModified"] for each in sent)
    parts = {
        Part(each["PartNumber"], each["Size"], each["ETag"])
        for each in sent
        if each["LastModified"] == last
    }
    return parts.pop() if len(parts) == 1 else None


def _is_gone(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "NoSuchUpload")
