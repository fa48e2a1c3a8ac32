"""The object store, over the S3 API."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as BrokenBody
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from instastream.errors import Corrupt, Unavailable
from instastream.limits import IMAGE_BYTES_MAX, MEBIBYTE, UPLOAD_TTL_S
from instastream.settings import Settings
from instastream.stores.blobs import Blob, Listed, SignedPut

FOREVER = "public, max-age=31536000, immutable"  # a key's content never changes
REGION_DEFAULT = "us-east-1"  # servers other than AWS take any
CHUNK_BYTES = MEBIBYTE  # of a file, written while the next arrives
CONNECT_TIMEOUT_S = 2
PAGE_LENGTH = 1_000  # what S3 lists and deletes at once
READ_TIMEOUT_S = 30  # 30 MB from a busy store

CONFIG = AioConfig(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=CONNECT_TIMEOUT_S,
    retries={"total_max_attempts": 3, "mode": "standard"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class S3Blobs:
    """Objects in one bucket."""

    def __init__(self, client: Any, bucket: str, *, copier: Any = None) -> None:
        """`copier` is a client that waits longer, where there are large objects to copy."""
        self._client = client
        self._copier = copier or client
        self._bucket = bucket

    async def sign_put(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str
    ) -> SignedPut:
        signed = {
            "ContentType": content_type,
            "ContentLength": size_bytes,
            "ChecksumSHA256": sha256,
            "IfNoneMatch": "*",
        }
        with translated():
            url = await self._client.generate_presigned_url(
                "put_object", {"Bucket": self._bucket, "Key": key, **signed}, ExpiresIn=UPLOAD_TTL_S
            )
        headers = {
            "content-type": content_type,
            "content-length": str(size_bytes),
            "x-amz-checksum-sha256": sha256,
            "if-none-match": "*",
        }
        return SignedPut(url, headers)

    async def head(self, key: str) -> Blob | None:
        with translated():
            try:
                head = await self._client.head_object(
                    Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
                )
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
        return Blob(head["ContentLength"], head.get("ChecksumSHA256"))

    async def get(self, key: str) -> bytes:
        async with self._body(key) as body:
            return bytes(await body.read())

    async def download(self, key: str, path: Path) -> None:
        async with self._body(key) as body:
            with path.open("wb") as file:
                async for chunk in body.iter_chunks(CHUNK_BYTES):
                    await asyncio.to_thread(file.write, chunk)

    @asynccontextmanager
    async def _body(self, key: str) -> AsyncIterator[Any]:
        with translated():
            with _the_original():
                response = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with response["Body"] as body:
                yield body

    async def upload(self, key: str, path: Path, *, content_type: str) -> None:
        content = await asyncio.to_thread(path.read_bytes)
        await self.put(key, content, content_type=content_type)

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        with translated():
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                CacheControl=FOREVER,
            )

    async def copy(self, source: str, target: str, *, size_bytes: int) -> None:
        with translated(), _the_original():
            async with asyncio.timeout(copy_s_max(size_bytes)):
                await self._copier.copy_object(
                    Bucket=self._bucket,
                    Key=target,
                    CopySource={"Bucket": self._bucket, "Key": source},
                )

    async def list(self, prefix: str) -> Sequence[Listed]:
        return await self._list(Prefix=prefix)

    async def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Listed]:
        at_most = {"MaxItems": limit}
        return await self._list(Prefix=prefix, StartAfter=after, PaginationConfig=at_most)

    async def _list(self, **wanted: Any) -> Sequence[Listed]:
        pages = self._client.get_paginator("list_objects_v2")
        with translated():
            return [
                Listed(found["Key"], found["Size"], int(found["LastModified"].timestamp() * 1000))
                async for page in pages.paginate(Bucket=self._bucket, MaxKeys=PAGE_LENGTH, **wanted)
                for found in page.get("Contents", [])
            ]

    async def delete(self, keys: Sequence[str]) -> None:
        with translated():
            for at in range(0, len(keys), PAGE_LENGTH):
                await self._delete_batch(keys[at : at + PAGE_LENGTH])

    async def _delete_batch(self, keys: Sequence[str]) -> None:
        answer = await self._client.delete_objects(
            Bucket=self._bucket,
            Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
        )
        for error in answer.get("Errors", []):
            if error["Code"] != "NoSuchKey":
                raise Unavailable("the object store", error)

    async def ping(self) -> None:
        """Raise Unavailable unless the bucket answers."""
        with translated():
            await self._client.head_bucket(Bucket=self._bucket)


def copy_s_max(size_bytes: int) -> float:
    """How long the store may take to copy so much: it answers when it is done."""
    return READ_TIMEOUT_S * max(size_bytes, IMAGE_BYTES_MAX) / IMAGE_BYTES_MAX


def open_client(
    settings: Settings, *, read_timeout_s: float = READ_TIMEOUT_S
) -> AbstractAsyncContextManager[Any]:
    """The SDK's client; region, and credentials unless given, come from its usual places."""
    for library in ("aiobotocore", "botocore"):
        logging.getLogger(library).setLevel(logging.INFO)  # at debug they tell what they sign
    session = get_session()
    keys = settings.s3_keys
    return session.create_client(
        "s3",
        endpoint_url=settings.s3,
        region_name=session.get_config_variable("region") or REGION_DEFAULT,
        aws_access_key_id=keys.access_key if keys else None,
        aws_secret_access_key=keys.secret_key if keys else None,
        aws_session_token=keys.session_token if keys else None,
        config=CONFIG.merge(AioConfig(read_timeout=read_timeout_s)),
    )


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("NoSuchKey", "404")


@contextmanager
def _the_original() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _is_missing(error):
            raise Corrupt("missing-original", "The upload is gone.") from error
        raise


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable for whatever the SDK raises."""
    try:
        yield
    except (ClientError, BotoCoreError, HTTPClientError, BrokenBody, OSError) as error:
        raise Unavailable("the object store", error) from error
