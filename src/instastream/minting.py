"""Ids minted under a lease, which is taken when first needed and extended when it runs out."""

import asyncio
from collections.abc import Callable

from instastream.ids import Lease, Mint
from instastream.stores.leases import Leases

LEASE_MS = 60_000  # one conditional write a minute for each process that mints


class LeasedIds:
    """Ids that no other process mints; use as an async context manager."""

    def __init__(self, leases: Leases, now_ms: Callable[[], int]) -> None:
        self._leases = leases
        self._now_ms = now_ms
        self._mint: Mint | None = None
        self._leasing = asyncio.Lock()

    async def __aenter__(self) -> "LeasedIds":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._mint:
            await self._leases.release(self._mint.lease, at_ms=self._mint.end_ms)

    async def mint(self) -> str:
        """The next id: larger than every id this process minted before."""
        async with self._leasing:
            now_ms = self._now_ms()
            if self._mint is None or not self._mint.covers(now_ms):
                self._mint = Mint(await self._lease(now_ms))
            return self._mint.next(now_ms)

    async def _lease(self, now_ms: int) -> Lease:
        if self._mint:
            lease = self._mint.lease
            # Never a shorter lease, however far back the clock is: its time has been used.
            until_ms = max(now_ms, lease.end_ms) + LEASE_MS
            if longer := await self._leases.extend(lease, until_ms=until_ms):
                return longer
        return await self._leases.acquire(now_ms=now_ms, until_ms=now_ms + LEASE_MS)
