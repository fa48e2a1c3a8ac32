"""A chore: recounts a little of everything that is counted, and only says what is wrong."""

import logging
from contextlib import aclosing
from random import Random

from instastream.auditing.drift import Audit
from instastream.auditing.judging import judge
from instastream.auditing.recounting import found, lost
from instastream.deps import Deps
from instastream.metrics import AUDITED, DRIFT, at_zero
from instastream.stores.audits import RING, Arc
from instastream.stores.counts import KINDS, Kind

MEMBERS_MAX = 20_000  # of one run: half a second of Cassandra
SHARDS_MAX = 2_000

log = logging.getLogger(__name__)


class Watch:
    """Goes round the ring of each kind, from a place of its own, a little in each run.

    Each process looks at everything within a known time, and all together at all places at once.
    """

    def __init__(self, random: Random) -> None:
        at_zero(AUDITED, KINDS)
        at_zero(DRIFT, KINDS)
        self._random = random
        self._after = {kind: random.randint(*RING) for kind in KINDS}
        self._failed: dict[Kind, int] = {}  # where a run began that came to nothing

    async def __call__(self, deps: Deps) -> list[Audit]:
        """One run of each kind. One that fails is repeated, and then begins elsewhere."""
        runs = [await self._tried(kind, deps) for kind in KINDS]
        for run in runs:
            if isinstance(run, Exception):
                raise run
        return [run for run in runs if isinstance(run, Audit)]

    async def _tried(self, kind: Kind, deps: Deps) -> Audit | Exception:
        try:
            return await self._go_on(kind, deps)
        except Exception as error:
            begin = self._after[kind]
            if self._failed.get(kind) == begin:
                self._after[kind] = self._random.randint(*RING)
            self._failed[kind] = begin
            return error

    async def _go_on(self, kind: Kind, deps: Deps) -> Audit:
        """Recount the shards that come next on the ring, until that is enough or it is round."""
        begin = self._after[kind]
        audit = Audit()
        for arc in (Arc(begin, RING.until), Arc(RING.after, begin)):
            audit, until = await _some(kind, arc, audit, deps)
            audit = await _and_lost(kind, Arc(arc.after, until), audit, deps)
            self._after[kind] = until
            if until != arc.until:
                break
        for one in audit.drift:
            log.error("a counter is wrong: %s", one)
        AUDITED.labels(kind).inc(audit.shards)
        DRIFT.labels(kind).inc(len(audit.drift))
        return audit


async def _some(kind: Kind, arc: Arc, audit: Audit, deps: Deps) -> tuple[Audit, int]:
    """With what is there in an arc, until that is enough; and the token up to which that is."""
    async with aclosing(found(kind, arc, deps)) as parts:
        async for some in parts:
            audit = audit.having(some, await judge(kind, some, deps))
            if audit.members >= MEMBERS_MAX or audit.shards >= SHARDS_MAX:
                return audit, deps.audits[kind].token(some[-1].place)
    return audit, arc.until


async def _and_lost(kind: Kind, arc: Arc, audit: Audit, deps: Deps) -> Audit:
    """With what is not there: few, of as much as was looked at."""
    async for some in lost(kind, arc, deps):
        audit = audit.having(some, await judge(kind, some, deps))
    return audit
