"""Which process mints ids as which worker, and until when."""

from typing import Protocol

from instastream.ids import Lease


class Leases(Protocol):
    """Leases of ranges of time that never overlap for one worker, whatever the clocks say."""

    async def acquire(self, *, now_ms: int, until_ms: int) -> Lease:
        """A lease on a free worker; raises Unavailable when all of them are held."""

    async def extend(self, lease: Lease, *, until_ms: int) -> Lease | None:
        """The same worker for longer, or None when another process has it by now."""

    async def release(self, lease: Lease, *, at_ms: int) -> None:
        """Give the rest of the time back; ids were minted for times before `at_ms` only."""
