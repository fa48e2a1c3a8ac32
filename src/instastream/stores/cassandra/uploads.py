"""Uploads on Cassandra."""

from uuid import UUID

from instastream.ids import MediaId, PostId, UserId
from instastream.limits import DECLARED_KEPT_S
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.uploads import ABORTED, Claim, Request, Upload

KEY_TTL_S = 86_400  # what clients retry within

# Older than every claim, which writes the whole row once more: it ends, or no longer does.
DECLARE = f"""INSERT INTO uploads
    (media_id, user_id, content_type, size_bytes, sha256, declared_ms, multipart_id)
    VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1 AND TTL {DECLARED_KEPT_S}"""
GET = """SELECT user_id, content_type, size_bytes, sha256, declared_ms, multipart_id,
    post_id, request_digest FROM uploads WHERE media_id = ?"""
COLUMNS = """SET user_id = ?, content_type = ?, size_bytes = ?, sha256 = ?, declared_ms = ?,
    multipart_id = ?, post_id = ?, request_digest = ?"""
UNCLAIMED = "WHERE media_id = ? IF post_id = null AND user_id != null"
CLAIM = f"UPDATE uploads {COLUMNS} {UNCLAIMED}"
ABORT = f"UPDATE uploads USING TTL {DECLARED_KEPT_S} {COLUMNS} {UNCLAIMED}"
REMEMBER = f"""INSERT INTO idempotency_keys (user_id, key, request_digest, result)
    VALUES (?, ?, ?, ?) IF NOT EXISTS USING TTL {KEY_TTL_S}"""
RECALL = "SELECT request_digest, result FROM idempotency_keys WHERE user_id = ? AND key = ?"

# Removed by the same clock that it was written by, and a moment later.
OPEN = """INSERT INTO open_uploads (user_id, media_id, until_ms) VALUES (?, ?, ?)
    USING TIMESTAMP ? AND TTL ?"""
CLOSE = "DELETE FROM open_uploads USING TIMESTAMP ? WHERE user_id = ? AND media_id = ?"
OPENED = "SELECT media_id, until_ms FROM open_uploads WHERE user_id = ?"
SWEPT = "SELECT last_key FROM sweeps WHERE prefix = ?"
RECORD_SWEPT = "INSERT INTO sweeps (prefix, last_key) VALUES (?, ?)"


class CassandraUploads:
    """Uploads in `uploads`, `open_uploads`, `idempotency_keys` and `sweeps`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def declare(self, upload: Upload) -> None:
        await self._session.execute(DECLARE, UUID(upload.media_id), *_declared(upload))

    async def get(self, media_id: MediaId) -> Upload | None:
        rows = await self._session.execute(GET, UUID(media_id))
        return _upload(media_id, rows[0]) if rows and rows[0].user_id is not None else None

    async def claim(self, upload: Upload, claim: Claim) -> Claim:
        row = await self._session.execute_once(
            ABORT if claim == ABORTED else CLAIM,
            *_declared(upload),
            int(claim.post_id),
            claim.request_digest,
            UUID(upload.media_id),
        )
        if row.applied:
            return claim
        standing = await self.get(upload.media_id)
        if standing is None:
            return ABORTED
        assert standing.claim is not None
        return standing.claim

    async def remember(self, *, user_id: UserId, key: str, request: Request) -> Request:
        row = await self._session.execute_once(
            REMEMBER, int(user_id), key, request.digest, request.result
        )
        return request if row.applied else _request(row)

    async def recall(self, *, user_id: UserId, key: str) -> Request | None:
        rows = await self._session.execute(RECALL, int(user_id), key)
        return _request(rows[0]) if rows else None

    async def open(self, upload: Upload, *, until_ms: int) -> None:
        await self._session.execute(
            OPEN,
            int(upload.user_id),
            UUID(upload.media_id),
            until_ms,
            upload.declared_ms * 1000,
            -(-(until_ms - upload.declared_ms) // 1000),
        )

    async def close(self, upload: Upload) -> None:
        await self._session.execute(
            CLOSE, upload.declared_ms * 1000 + 1, int(upload.user_id), UUID(upload.media_id)
        )

    async def opened(self, user_id: UserId, *, now_ms: int) -> dict[MediaId, int]:
        rows = await self._session.execute(OPENED, int(user_id))
        return {MediaId(str(row.media_id)): row.until_ms for row in rows if now_ms <= row.until_ms}

    async def last_swept(self, what: str) -> str:
        rows = await self._session.execute(SWEPT, what)
        return rows[0].last_key if rows else ""

    async def record_swept(self, what: str, place: str) -> None:
        await self._session.execute(RECORD_SWEPT, what, place)


def _declared(upload: Upload) -> tuple[object, ...]:
    """The columns of what was declared, as they are written."""
    return (
        int(upload.user_id),
        upload.content_type,
        upload.size_bytes,
        upload.sha256,
        upload.declared_ms,
        upload.multipart_id,
    )


def _request(row: Row) -> Request:
    return Request(row.request_digest, row.result or "")


def _upload(media_id: MediaId, row: Row) -> Upload:
    return Upload(
        media_id=media_id,
        user_id=UserId(str(row.user_id)),
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        declared_ms=row.declared_ms,
        multipart_id=row.multipart_id,
        claim=None if row.post_id is None else Claim(PostId(str(row.post_id)), row.request_digest),
    )
