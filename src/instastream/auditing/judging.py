"""Compares shards as they were recounted with what is kept of them elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from instastream.auditing.drift import Drift, apart, contradicts, drift_of, shows
from instastream.counting import Shard
from instastream.deps import Deps, counters_of
from instastream.limits import LIKE_SHARDS_MAX
from instastream.stores.audits import Recount
from instastream.stores.counters import Place, Total
from instastream.stores.counts import Kind

WAITS_S = (0.1, 0.4, 1.5)  # for what is counted and about to be published

Kept = TypeVar("Kept", Shard, Total)


async def judge(kind: Kind, recounts: Sequence[Recount], deps: Deps) -> list[Drift]:
    """All that is wrong with some shards, with what is published of them, and with what is shown.

    What is shown of a subject is looked at together with the first of its shards.
    """
    settled = {one.place: one.says for one in recounts if one.settled}
    published = await _published(kind, settled, deps)
    parted = {place.subject_id for place in published} | {
        place.subject_id for place in settled if place.shard
    }
    first = {place.subject_id: place.shard for place in sorted(published, reverse=True)}
    subjects = {
        subject_id: LIKE_SHARDS_MAX if subject_id in parted else 1
        for subject_id, shard in settled
        if first.get(subject_id, 0) == shard
    }
    late = [
        place
        for place, says in settled.items()
        if place.subject_id in parted and published.get(place) != says
    ]
    others = await asyncio.gather(
        _misshown(kind, subjects, deps), *(_unpublished(kind, place, deps) for place in late)
    )
    return [*chain.from_iterable(drift_of(kind, one) for one in recounts), *chain(*others)]


async def _published(kind: Kind, places: Iterable[Place], deps: Deps) -> dict[Place, Shard]:
    subject_ids = {place.subject_id for place in places}
    return await deps.audits[kind].published_of(subject_ids) if subject_ids else {}


async def _unpublished(kind: Kind, place: Place, deps: Deps) -> list[Drift]:
    """That what is published of a shard stays another than it is."""
    audits = deps.audits[kind]

    async def look() -> tuple[Shard, Shard]:
        kept = await audits.published_of([place.subject_id])
        true = await audits.said(place.subject_id, [place.shard])
        return kept.get(place, Shard()), true.get(place, Shard())

    pair = await _lasting(look, deps)
    return [apart(kind, *place, *pair)] if pair else []


async def _misshown(kind: Kind, subjects: Mapping[str, int], deps: Deps) -> list[Drift]:
    """What is shown and not right."""
    shown = await deps.counts.totals(kind, list(subjects))
    true = await counters_of(kind, deps).totals({one: subjects[one] for one in shown})
    wrong = [one for one in shown if not shows(shown[one], true[one])]
    pairs = await asyncio.gather(*(_shown(kind, one, subjects[one], deps) for one in wrong))
    return [
        apart(kind, subject_id, None, *pair)
        for subject_id, pair in zip(wrong, pairs, strict=True)
        if pair
    ]


async def _shown(
    kind: Kind, subject_id: str, shards: int, deps: Deps
) -> tuple[Total, Total] | None:
    async def look() -> tuple[Total, Total]:
        kept = (await deps.counts.totals(kind, [subject_id])).get(subject_id)
        true = (await counters_of(kind, deps).totals({subject_id: shards}))[subject_id]
        return (true if kept is None or shows(kept, true) else kept), true

    return await _lasting(look, deps)


async def _lasting(
    look: Callable[[], Awaitable[tuple[Kept, Kept]]], deps: Deps
) -> tuple[Kept, Kept] | None:
    """What is kept and what is true, unless one follows the other, be it a moment late."""
    kept, true = await look()
    first = true.version
    for wait_s in WAITS_S:
        if contradicts(kept, true):
            return kept, true
        if kept.version >= first:
            return None
        await deps.sleep(wait_s)
        kept, true = await look()
    return (kept, true) if kept.version < first or contradicts(kept, true) else None
