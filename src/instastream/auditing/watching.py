"""A chore: recounts a little of everything that is counted, and only says what is wrong."""

import logging
from contextlib import aclosing
from random import Random

from instastream.auditing.drift import Audit
from instastream.auditing.judging import judge
from instastream.auditing.recounting import recounts
from instastream.deps import Deps
from instastream.metrics import AUDITED, DRIFT
from instastream.stores.audits import RING, Arc
from instastream.stores.counts import KINDS, Kind

MEMBERS_MAX = 20_000  # of one run: half a second of Cassandra
SHARDS_MAX = 2_000

log = logging.getLogger(__name__)


async def audit_some(deps: Deps) -> list[Audit]:
    """One run, from anywhere on: all workers together come around, however many there are."""
    after = Random().randint(*RING)
    return [await audit_from(kind, after, deps) for kind in KINDS]


async def audit_from(kind: Kind, after: int, deps: Deps) -> Audit:
    """Recount shards that follow a token on the ring, until that is enough."""
    audit = Audit()
    for arc in (Arc(after, RING.until), Arc(RING.after, after)):
        async with aclosing(recounts(kind, arc, deps)) as parts:
            async for some in parts:
                audit = audit.having(some, await judge(kind, some, deps))
                if audit.members >= MEMBERS_MAX or audit.shards >= SHARDS_MAX:
                    break
            else:
                continue
        break
    for one in audit.drift:
        log.error("a counter is wrong: %s", one)
    AUDITED.labels(kind).inc(audit.shards)
    DRIFT.labels(kind).inc(len(audit.drift))
    return audit
