"""Objects that arrive in parts, in memory, for unit and flow tests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import uuid4

from instastream.errors import Rejected
from instastream.parts import composite, sha256_of_parts
from instastream.stores.blobs import SignedPut
from instastream.stores.memory import MemoryBlobs
from instastream.stores.multiparts import Begun, Part


@dataclass
class MemoryMultiparts:
    """By key and id, beside the blobs that they become; `take` is what a client's PUT does."""

    blobs: MemoryBlobs
    begun_ms: int = 0
    arrived: dict[tuple[str, str], dict[int, tuple[bytes, str]]] = field(default_factory=dict)

    async def begin(self, key: str, *, content_type: str) -> str:
        multipart_id = str(uuid4())
        self.arrived[key, multipart_id] = {}
        return multipart_id

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size_bytes: int, sha256: str
    ) -> SignedPut:
        headers = {"content-length": str(size_bytes), "x-amz-checksum-sha256": sha256}
        return SignedPut(f"memory:{key}?{multipart_id}?{number}", headers)

    def take(self, put: SignedPut, content: bytes) -> bool:
        """Whether there was still something to be a part of."""
        key, multipart_id, number = put.url.removeprefix("memory:").split("?")
        if (key, multipart_id) not in self.arrived:
            return False
        sha256 = put.headers["x-amz-checksum-sha256"]
        self.arrived[key, multipart_id][int(number)] = content, sha256
        return True

    async def parts(self, key: str, multipart_id: str) -> dict[int, Part] | None:
        arrived = self.arrived.get((key, multipart_id))
        if arrived is None:
            return None
        return {number: Part(number, len(part), "") for number, (part, _) in arrived.items()}

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        arrived = self.arrived.get((key, multipart_id))
        if arrived is None:
            return False
        contents, signed = zip(*(arrived[part.number] for part in parts), strict=True)
        if list(signed) != sha256s:
            raise Rejected("upload-mismatch", "a part is not what it was said to be")
        del self.arrived[key, multipart_id]
        if key not in self.blobs.objects:
            content = b"".join(contents)
            self.blobs.keep(key, content, composite(sha256_of_parts(sha256s), len(parts)))
        return True

    async def abort(self, key: str, multipart_id: str) -> None:
        self.arrived.pop((key, multipart_id), None)

    async def begun(self, prefix: str) -> AsyncIterator[Begun]:
        for key, multipart_id in list(self.arrived):
            if key.startswith(prefix):
                yield Begun(key, multipart_id, self.begun_ms)
