"""The object store, while objects arrive in parts."""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from instastream.stores.blobs import SignedPut


class Part(Struct, frozen=True):
    """A part that has arrived."""

    number: int  # from 1
    size_bytes: int
    etag: str  # what the store asks for when the parts are put together


class Begun(Struct, frozen=True):
    """A multipart that is neither complete nor aborted."""

    key: str
    multipart_id: str
    begun_ms: int


class Multiparts(Protocol):
    """Multiparts by key and id; one that is complete or aborted is gone and takes nothing more."""

    async def begin(self, key: str, *, content_type: str) -> str:
        """A new multipart's id."""

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size_bytes: int, sha256: str
    ) -> SignedPut:
        """A presigned PUT of exactly this part, valid `UPLOAD_TTL_S`; it may be sent again."""

    async def parts(self, key: str, multipart_id: str) -> dict[int, Part] | None:
        """What has arrived, by number; None when the multipart is gone."""

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        """Make the parts, in order, an object, once; False when the multipart is gone.

        It never overwrites: where an object lies already it is left as it is. Raises
        Rejected("upload-mismatch") when a part is not what its SHA-256 says.
        """

    async def abort(self, key: str, multipart_id: str) -> None:
        """Drop a multipart and its parts; nothing happens when it is gone."""

    def begun(self, prefix: str) -> AsyncIterator[Begun]:
        """Every multipart under way whose key begins so."""
