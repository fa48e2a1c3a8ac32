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
    """Multiparts beside the blobs that they become; `take` is what a client's PUT does."""

    blobs: MemoryBlobs
    begun_ms: int = 0
    keys: dict[str, str] = field(default_factory=dict)  # by multipart
    arrived: dict[str, dict[int, tuple[bytes, str]]] = field(default_factory=dict)

    async def begin(self, key: str, *, content_type: str) -> str:
        multipart_id = str(uuid4())
        self.keys[multipart_id] = key
        self.arrived[multipart_id] = {}
        return multipart_id

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size_bytes: int, sha256: str
    ) -> SignedPut:
        headers = {"content-length": str(size_bytes), "x-amz-checksum-sha256": sha256}
        return SignedPut(f"memory:{multipart_id}/{number}", headers)

    def take(self, put: SignedPut, content: bytes) -> bool:
        """Whether there was still something to be a part of."""
        multipart_id, _, number = put.url.removeprefix("memory:").partition("/")
        if multipart_id not in self.arrived:
            return False
        self.arrived[multipart_id][int(number)] = content, put.headers["x-amz-checksum-sha256"]
        return True

    async def parts(self, key: str, multipart_id: str) -> dict[int, Part] | None:
        if multipart_id not in self.arrived:
            return None
        arrived = self.arrived[multipart_id]
        return {number: Part(number, len(part), "") for number, (part, _) in arrived.items()}

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        if multipart_id not in self.arrived:
            return False
        contents, signed = zip(*(self.arrived[multipart_id][p.number] for p in parts), strict=True)
        if list(signed) != sha256s:
            raise Rejected("upload-mismatch", "a part is not what it was said to be")
        del self.arrived[multipart_id]
        if key not in self.blobs.objects:
            content = b"".join(contents)
            self.blobs.keep(key, content, composite(sha256_of_parts(sha256s), len(parts)))
        return True

    async def abort(self, key: str, multipart_id: str) -> None:
        self.arrived.pop(multipart_id, None)

    async def begun(self, prefix: str) -> AsyncIterator[Begun]:
        for multipart_id in list(self.arrived):
            if self.keys[multipart_id].startswith(prefix):
                yield Begun(self.keys[multipart_id], multipart_id, self.begun_ms)
