"""The object store: originals that clients put, variants that the edge serves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct


class SignedPut(Struct, frozen=True):
    """A PUT that anyone who holds it may send, once, until it expires."""

    url: str
    headers: dict[str, str]  # all signed: each must be sent as it stands


class Blob(Struct, frozen=True):
    """What the store says of an object."""

    size_bytes: int
    sha256: str | None  # base64, when the store kept it


class Listed(Struct, frozen=True):
    """An object, as a listing tells it."""

    key: str
    size_bytes: int
    modified_ms: int  # when it was put, by the store's clock


class Blobs(Protocol):
    """Objects by key, in one bucket."""

    async def sign_put(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str
    ) -> SignedPut:
        """A presigned PUT of exactly this content, valid `UPLOAD_TTL_S`; it never overwrites."""

    async def head(self, key: str) -> Blob | None:
        """What lies at a key, or None."""

    async def get(self, key: str) -> bytes:
        """An object's bytes; raises Corrupt("missing-original") when there is none."""

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        """Put an object that never changes, with a year's cache lifetime."""

    async def copy(self, source: str, target: str, *, size_bytes: int) -> None:
        """The same bytes at another key; raises Corrupt("missing-original") without a source.

        `size_bytes` says how long it may take.
        """

    async def list(self, prefix: str) -> Sequence[Listed]:
        """Every object whose key begins like this, in the order of keys."""

    async def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Listed]:
        """The first `limit` of that list that come after the key of one, deleted since or not."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Nothing lies at these keys any more, whether or not something did."""

    async def download(self, key: str, path: Path) -> None:
        """`get` into a file, however large."""

    async def upload(self, key: str, path: Path, *, content_type: str) -> None:
        """`put` what lies in a file."""
