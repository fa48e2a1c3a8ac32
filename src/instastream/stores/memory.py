"""Every store in memory, for unit and flow tests: the same contracts, nothing durable."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import msgspec

from instastream.errors import Corrupt, Unavailable
from instastream.events import (
    Event,
    ProfileChanged,
    Record,
    UserJoined,
    decode_placed,
)
from instastream.ids import WORKERS, Lease, MediaId, UserId
from instastream.limits import DECLARED_KEPT_S
from instastream.log import Appended, Headers, Raw
from instastream.stores.accounts import Credentials, RefreshToken
from instastream.stores.blobs import Blob, Listed, SignedPut
from instastream.stores.uploads import ABORTED, Claim, Request, Upload
from instastream.stores.users import User


@dataclass
class MemoryLog:
    """EventLog in lists, one per topic and partition."""

    partitions: int = 4
    topics: dict[str, dict[int, list[Event]]] = field(default_factory=dict)
    raw: list[tuple[str, bytes | None, bytes | None, Headers]] = field(default_factory=list)

    async def append(self, event: Appended) -> Record[Appended]:
        partition = crc32(event.key.encode()) % self.partitions
        events = self.topics.setdefault(event.topic, {}).setdefault(partition, [])
        events.append(event)
        return Record(event, partition=partition, offset=len(events) - 1)

    async def append_raw(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        self.raw.append((topic, key, value, headers))
        with suppress(Corrupt):  # what is no event, or not in its place, is not read as one
            await self.append(decode_placed(value, topic=topic, key=key))

    async def read(self, topic: str) -> AsyncIterator[Record[Event]]:
        for partition, events in self.topics.get(topic, {}).items():
            for offset, event in enumerate(list(events)):
                yield Record(event, partition=partition, offset=offset)

    async def read_raw(self, topic: str) -> AsyncGenerator[Raw, None]:
        """Of what was appended as bytes: all of it in one partition, without times."""
        found = [one for one in self.raw if one[0] == topic]
        for offset, (_, key, value, headers) in enumerate(found):
            yield Raw(0, offset, 0, key, value, headers)

    async def read_key(
        self, topic: str, key: str, *, since_ms: int, records_max: int | None = None
    ) -> AsyncIterator[Record[Event]]:
        partition = crc32(key.encode()) % self.partitions
        events = list(enumerate(self.topics.get(topic, {}).get(partition, [])))
        begin = 0 if records_max is None else max(0, len(events) - records_max)
        for offset, event in events[begin:]:
            if event.key == key and event.at_ms >= since_ms:
                yield Record(event, partition=partition, offset=offset)

    async def ping(self) -> None:
        pass


@dataclass
class MemoryAccounts:
    """Accounts in dicts."""

    by_username: dict[str, Credentials] = field(default_factory=dict)
    tokens: dict[str, RefreshToken] = field(default_factory=dict)
    spent_ms: dict[str, int] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    async def claim(self, credentials: Credentials) -> Credentials:
        return self.by_username.setdefault(credentials.username, credentials)

    async def credentials(self, username: str) -> Credentials | None:
        return self.by_username.get(username)

    async def user_ids(self, usernames: Collection[str]) -> dict[str, UserId]:
        return {one: self.by_username[one].user_id for one in usernames if one in self.by_username}

    async def add_refresh_token(self, token: RefreshToken) -> None:
        if token.family not in self.revoked:
            self.tokens.setdefault(token.digest, token)

    async def refresh_token(self, digest: str) -> RefreshToken | None:
        return self.tokens.get(digest)

    async def spend(self, token: RefreshToken, *, now_ms: int) -> int | None:
        if token.family in self.revoked:
            return None
        return self.spent_ms.setdefault(token.digest, now_ms)

    async def is_spent(self, digest: str) -> bool:
        return digest in self.spent_ms

    async def revoke(self, family: str) -> None:
        self.revoked.add(family)


@dataclass
class MemoryUsers:
    """Users in a dict."""

    users: dict[UserId, User] = field(default_factory=dict)
    private: dict[UserId, tuple[int, bool]] = field(default_factory=dict)  # version, what was said

    async def record_joined(self, event: UserJoined) -> None:
        self.users.setdefault(event.user_id, User(event.user_id, event.username, event.at_ms))

    async def record_changed(self, event: ProfileChanged, *, version: int) -> None:
        said = version, event.private
        self.private[event.user_id] = max(self.private.get(event.user_id, said), said)

    async def get(self, user_id: UserId) -> User | None:
        user = self.users.get(user_id)
        _, private = self.private.get(user_id, (0, False))
        return user and msgspec.structs.replace(user, private=private)

    async def get_all(self, user_ids: Collection[UserId]) -> dict[UserId, User]:
        return {one: user for one in user_ids if (user := await self.get(one))}


@dataclass
class MemoryUploads:
    """Uploads in dicts."""

    now_ms: Callable[[], int] = lambda: 0
    uploads: dict[MediaId, Upload] = field(default_factory=dict)
    keys: dict[tuple[UserId, str], Request] = field(default_factory=dict)
    open_ms: dict[UserId, dict[MediaId, int]] = field(default_factory=lambda: defaultdict(dict))
    swept: dict[str, str] = field(default_factory=dict)

    async def declare(self, upload: Upload) -> None:
        self.uploads[upload.media_id] = upload

    async def get(self, media_id: MediaId) -> Upload | None:
        return self._kept(media_id)

    def _kept(self, media_id: MediaId) -> Upload | None:
        upload = self.uploads.get(media_id)
        if upload and upload.claim in (None, ABORTED):
            age_s = (self.now_ms() - upload.declared_ms) / 1000
            return upload if age_s <= DECLARED_KEPT_S else None
        return upload

    async def claim(self, upload: Upload, claim: Claim) -> Claim:
        standing = self._kept(upload.media_id)
        if standing is None:
            return ABORTED
        if standing.claim is None:
            self.uploads[upload.media_id] = msgspec.structs.replace(standing, claim=claim)
        return standing.claim or claim

    async def remember(self, *, user_id: UserId, key: str, request: Request) -> Request:
        return self.keys.setdefault((user_id, key), request)

    async def recall(self, *, user_id: UserId, key: str) -> Request | None:
        return self.keys.get((user_id, key))

    async def open(self, upload: Upload, *, until_ms: int) -> None:
        self.open_ms[upload.user_id][upload.media_id] = until_ms

    async def close(self, upload: Upload) -> None:
        self.open_ms[upload.user_id].pop(upload.media_id, None)

    async def opened(self, user_id: UserId, *, now_ms: int) -> dict[MediaId, int]:
        return {one: end for one, end in self.open_ms[user_id].items() if now_ms <= end}

    async def last_swept(self, what: str) -> str:
        return self.swept.get(what, "")

    async def record_swept(self, what: str, place: str) -> None:
        self.swept[what] = place


@dataclass
class MemoryBlobs:
    """Objects in a dict. A signed PUT is an address that only `take` understands."""

    now_ms: Callable[[], int] = lambda: 0
    objects: dict[str, tuple[bytes, Blob]] = field(default_factory=dict)
    modified_ms: dict[str, int] = field(default_factory=dict)

    async def sign_put(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str
    ) -> SignedPut:
        headers = {"content-type": content_type, "content-length": str(size_bytes)}
        return SignedPut(f"memory:{key}", headers | {"x-amz-checksum-sha256": sha256})

    def take(self, put: SignedPut, content: bytes) -> None:
        """What a client's PUT does."""
        self.keep(put.url.removeprefix("memory:"), content, put.headers["x-amz-checksum-sha256"])

    def keep(self, key: str, content: bytes, sha256: str | None) -> None:
        """Have an object, from now on."""
        self.objects[key] = content, Blob(len(content), sha256)
        self.modified_ms[key] = self.now_ms()

    async def head(self, key: str) -> Blob | None:
        return self.objects[key][1] if key in self.objects else None

    async def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise Corrupt("missing-original", "The upload is gone.")
        return self.objects[key][0]

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        self.keep(key, content, None)

    async def copy(self, source: str, target: str, *, size_bytes: int) -> None:
        await self.put(target, await self.get(source), content_type="")

    async def list(self, prefix: str) -> Sequence[Listed]:
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        return [
            Listed(key, self.objects[key][1].size_bytes, self.modified_ms.get(key, 0))
            for key in keys
        ]

    async def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Listed]:
        return [one for one in await self.list(prefix) if one.key > after][:limit]

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    async def download(self, key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def upload(self, key: str, path: Path, *, content_type: str) -> None:
        await self.put(key, await asyncio.to_thread(path.read_bytes), content_type=content_type)


@dataclass
class MemoryLeases:
    """Leases by worker: the end of the time that is taken."""

    workers: int = WORKERS
    ends_ms: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    async def acquire(self, *, now_ms: int, until_ms: int) -> Lease:
        for worker in range(self.workers):
            if self.ends_ms[worker] <= now_ms:
                self.ends_ms[worker] = until_ms
                return Lease(worker, now_ms, until_ms)
        raise Unavailable("ids", f"all {self.workers} worker numbers are leased")

    async def extend(self, lease: Lease, *, until_ms: int) -> Lease | None:
        if self.ends_ms[lease.worker] != lease.end_ms:
            return None
        self.ends_ms[lease.worker] = until_ms
        return Lease(lease.worker, lease.end_ms, until_ms)

    async def release(self, lease: Lease, *, at_ms: int) -> None:
        if self.ends_ms[lease.worker] == lease.end_ms:
            self.ends_ms[lease.worker] = at_ms
