"""Makes counters say what is there: docs/decisions/0026.

Members are taken for right, so that a repair of any moment is of use. A writer that had read what
was wrong may have written it again since: whoever repairs looks again, some times.
"""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from instastream.auditing.drift import Drift, drift_of
from instastream.auditing.judging import judge
from instastream.deps import Deps, counters_of
from instastream.limits import LIKE_SHARDS_MAX
from instastream.steps import Report
from instastream.stores.counters import Place
from instastream.stores.counts import Kind

REPAIRS_MAX = 5  # of one subject: a writer errs again at most once each time it is late

SUBJECT = attrgetter("kind", "subject_id")


async def repair_all(drift: Sequence[Drift], deps: Deps, *, report: Report) -> list[Drift]:
    """What was wrong, and whether it is right now."""
    repaired: list[Drift] = []
    for (kind, subject_id), some in groupby(sorted(drift, key=SUBJECT), key=SUBJECT):
        found = list(some)
        left = {one.key: one for one in await repair(kind, subject_id, found, deps)}
        repaired += [replace(one, repaired=left.pop(one.key, None) is None) for one in found]
        repaired += left.values()
        report("repairing", len(repaired), max(len(drift), len(repaired)))
    return repaired


async def repair(
    kind: Kind, subject_id: str, found: Sequence[Drift], deps: Deps
) -> Sequence[Drift]:
    """Repair what was found of a subject; returns what is wrong with it still."""
    left = found
    for _ in range(REPAIRS_MAX):
        places = await _places(kind, subject_id, left, deps)
        await asyncio.gather(*(_repair_shard(kind, place, deps) for place in places))
        said = await deps.audits[kind].said(subject_id, [place.shard for place in places])
        parted = any(place.shard for place in places)
        if parted:
            await deps.audits[kind].republish(said)
        shards = {subject_id: LIKE_SHARDS_MAX if parted else 1}
        totals = await counters_of(kind, deps).totals(shards)
        await deps.counts.publish(kind, list(totals.values()))
        recounts = await asyncio.gather(*map(deps.audits[kind].recount, places))
        busy = {one.place.shard for one in recounts if not one.settled}
        unknown = [one for one in left if one.shard in busy]
        left = [*await judge(kind, recounts, deps), *unknown]
        if not left:
            break
    return left


async def _places(kind: Kind, subject_id: str, drift: Sequence[Drift], deps: Deps) -> list[Place]:
    """Shards that are wrong, and the first one, with which is judged what is shown."""
    published = await deps.audits[kind].published_of([subject_id])
    wrong = {Place(subject_id, one.shard) for one in drift if one.shard is not None}
    return sorted({*wrong, min(published, default=Place(subject_id))})


async def _repair_shard(kind: Kind, place: Place, deps: Deps) -> None:
    recount = await deps.audits[kind].recount(place)
    if recount.settled and any(drift_of(kind, recount)):
        shard = replace(recount.says, count=recount.counted, size=recount.ever)
        await deps.audits[kind].repair(place, shard)
