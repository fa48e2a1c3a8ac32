"""Worker leases on Cassandra: one partition, conditional writes only."""

import random

from instastream.errors import Unavailable
from instastream.ids import WORKERS, Lease
from instastream.stores.cassandra.session import Session

TAKEN = "SELECT worker, end_ms FROM worker_leases WHERE pool = 0"
TAKE = "INSERT INTO worker_leases (pool, worker, end_ms) VALUES (0, ?, ?) IF NOT EXISTS"
MOVE = "UPDATE worker_leases SET end_ms = ? WHERE pool = 0 AND worker = ? IF end_ms = ?"


class CassandraLeases:
    """Leases in `worker_leases`: the end of the time that each worker number is taken for."""

    def __init__(self, session: Session, *, workers: int = WORKERS) -> None:
        self._session = session
        self._workers = workers

    async def acquire(self, *, now_ms: int, until_ms: int) -> Lease:
        ends_ms = {row.worker: row.end_ms for row in await self._session.execute(TAKEN)}
        free = [worker for worker in range(self._workers) if ends_ms.get(worker, 0) <= now_ms]
        random.shuffle(free)  # so that processes started together don't race for the same one
        for worker in free:
            if await self._take(worker, ends_ms.get(worker), until_ms):
                return Lease(worker, now_ms, until_ms)
        raise Unavailable("ids", f"all {self._workers} worker numbers are leased")

    async def extend(self, lease: Lease, *, until_ms: int) -> Lease | None:
        if await self._take(lease.worker, lease.end_ms, until_ms):
            return Lease(lease.worker, lease.end_ms, until_ms)
        return None

    async def release(self, lease: Lease, *, at_ms: int) -> None:
        await self._take(lease.worker, lease.end_ms, at_ms)

    async def _take(self, worker: int, end_ms: int | None, until_ms: int) -> bool:
        if end_ms is None:
            row = await self._session.execute_once(TAKE, worker, until_ms)
        else:
            row = await self._session.execute_once(MOVE, until_ms, worker, end_ms)
        return bool(row.applied)
