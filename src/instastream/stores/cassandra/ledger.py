"""The ledger on Cassandra: conditional writes for claims and generations, plain ones elsewhere."""

from uuid import UUID, uuid4
from zlib import crc32

import msgspec

from instastream.errors import Corrupt
from instastream.ids import MediaId, PostId
from instastream.media import Outcome
from instastream.stores.cassandra.session import Session
from instastream.stores.ledger import Due, Generations, PostReferences, Reference

FAILED = "failed: "  # what owns a claim that became a failure
DUE_BUCKETS = 16  # a queue in one partition would be one server's

CLAIM = "INSERT INTO render_claims (root, owner) VALUES (?, ?) IF NOT EXISTS USING TTL ?"
RENEW = "UPDATE render_claims USING TTL ? SET owner = ? WHERE root = ? IF owner = ?"
FREE = "DELETE FROM render_claims WHERE root = ? IF owner = ?"
GENERATIONS = "SELECT current, generation, outcome FROM media_by_digest WHERE root = ?"
KEEP = "INSERT INTO media_by_digest (root, generation, outcome) VALUES (?, ?, ?) IF NOT EXISTS"
CONDEMN_FIRST = "UPDATE media_by_digest SET current = 1 WHERE root = ? IF current = null"
CONDEMN = "UPDATE media_by_digest SET current = ? WHERE root = ? IF current = ?"
FORGET = "DELETE FROM media_by_digest WHERE root = ? AND generation = ? IF EXISTS"
# A removal wins over every write, whichever comes first: redelivery and disorder are harmless.
OF_POST_ADD = """INSERT INTO media_by_post (post_id, root, media_id)
    VALUES (?, ?, ?) USING TIMESTAMP 1"""
REFER = "INSERT INTO media_references (root, media_id) VALUES (?, ?) USING TIMESTAMP 1"
RELEASE = "DELETE FROM media_references USING TIMESTAMP 2 WHERE root = ? AND media_id = ?"
IS_REFERRED = "SELECT media_id FROM media_references WHERE root = ? LIMIT 1"
SPARE = "INSERT INTO media_spared (root) VALUES (?) USING TTL ?"
IS_SPARED = "SELECT root FROM media_spared WHERE root = ?"
RECORD_DELETED = "UPDATE media_by_post USING TIMESTAMP 1 SET deleted = true WHERE post_id = ?"
OF_POST = "SELECT deleted, root, media_id FROM media_by_post WHERE post_id = ?"
LOOK_LATER = "INSERT INTO media_due (bucket, due_ms, root, mark) VALUES (?, ?, ?, ?)"
DUE = "SELECT due_ms, root, mark FROM media_due WHERE bucket = ? AND due_ms <= ? LIMIT ?"
DROP = "DELETE FROM media_due WHERE bucket = ? AND due_ms = ? AND root = ? AND mark = ?"


class CassandraLedger:
    """The ledger in `render_claims` and the tables `media_`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, root: str, owner: str, *, ttl_s: int) -> bool:
        row = await self._session.execute_once(CLAIM, root, owner, ttl_s)
        if not row.applied and row.owner in (owner, None):  # None: of a failure that has ended
            row = await self._session.execute_once(RENEW, ttl_s, owner, root, row.owner)
        elif not row.applied and row.owner.startswith(FAILED):
            raise Corrupt(*msgspec.json.decode(row.owner.removeprefix(FAILED)))
        return bool(row.applied)

    async def fail(self, root: str, owner: str, why: Corrupt, *, ttl_s: int) -> None:
        failed = FAILED + msgspec.json.encode((why.reason, str(why))).decode()
        await self._session.execute_once(RENEW, ttl_s, failed, root, owner)

    async def free(self, root: str, owner: str) -> None:
        await self._session.execute_once(FREE, root, owner)

    async def generations(self, root: str) -> Generations:
        rows = await self._session.execute(GENERATIONS, root, serial=True)
        outcomes = {
            row.generation: msgspec.json.decode(row.outcome, type=Outcome)
            for row in rows
            if row.generation is not None
        }
        return Generations(rows[0].current or 0 if rows else 0, outcomes)

    async def keep(self, root: str, generation: int, outcome: Outcome) -> Outcome:
        text = msgspec.json.encode(outcome).decode()
        row = await self._session.execute_once(KEEP, root, generation, text)
        return outcome if row.applied else msgspec.json.decode(row.outcome, type=Outcome)

    async def condemn(self, root: str, generation: int) -> None:
        if generation == 0:
            await self._session.execute_once(CONDEMN_FIRST, root)
        else:
            await self._session.execute_once(CONDEMN, generation + 1, root, generation)

    async def forget(self, root: str, generation: int) -> None:
        for one in sorted((await self.generations(root)).outcomes):
            if one <= generation:
                await self._session.execute_once(FORGET, root, one)

    async def refer(self, post_id: PostId, reference: Reference) -> None:
        root, media_id = reference.root, UUID(reference.media_id)
        await self._session.execute(OF_POST_ADD, int(post_id), root, media_id)
        await self._session.execute(REFER, root, media_id)

    async def release(self, reference: Reference) -> None:
        await self._session.execute(RELEASE, reference.root, UUID(reference.media_id))

    async def is_referred(self, root: str) -> bool:
        return bool(await self._session.execute(IS_REFERRED, root))

    async def spare(self, root: str, *, ttl_s: int) -> None:
        await self._session.execute(SPARE, root, ttl_s)

    async def is_spared(self, root: str) -> bool:
        return bool(await self._session.execute(IS_SPARED, root))

    async def record_deleted(self, post_id: PostId) -> None:
        await self._session.execute(RECORD_DELETED, int(post_id))

    async def of_post(self, post_id: PostId) -> PostReferences:
        rows = await self._session.execute(OF_POST, int(post_id))
        references = [Reference(row.root, MediaId(str(row.media_id))) for row in rows if row.root]
        return PostReferences(bool(rows and rows[0].deleted), sorted(references))

    async def look_later(self, root: str, *, due_ms: int) -> None:
        await self._session.execute(LOOK_LATER, _bucket(root), due_ms, root, uuid4())

    async def due(self, now_ms: int, *, limit: int) -> list[Due]:
        shares = ((bucket, now_ms, -(-limit // DUE_BUCKETS)) for bucket in range(DUE_BUCKETS))
        rows = await self._session.execute_all(DUE, shares)
        return sorted(Due(row.due_ms, row.root, str(row.mark)) for row in rows)

    async def drop(self, due: Due) -> None:
        await self._session.execute(DROP, _bucket(due.root), due.due_ms, due.root, UUID(due.mark))


def _bucket(root: str) -> int:
    return crc32(root.encode()) % DUE_BUCKETS
