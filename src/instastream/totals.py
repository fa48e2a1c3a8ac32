"""Counts as they are shown: those that are kept, and of the others what the counters say."""

from collections.abc import Mapping
from contextlib import suppress

from instastream.deps import Deps, counters_of
from instastream.errors import Unavailable
from instastream.stores.counters import Total
from instastream.stores.counts import Kind


async def totals(kind: Kind, subjects: Mapping[str, int], deps: Deps) -> Mapping[str, Total]:
    """The totals of posts or comments, by how many shards each has; kept from now on.

    Where what is kept can't be reached, all of them are read from the counters.
    """
    try:
        kept = await deps.counts.totals(kind, subjects)
    except Unavailable:
        return await counters_of(kind, deps).totals(subjects)
    absent = {one: shards for one, shards in subjects.items() if one not in kept}
    if not absent:
        return kept
    counted = await counters_of(kind, deps).totals(absent)
    with suppress(Unavailable):
        await deps.counts.publish(kind, counted.values())
    return {**kept, **counted}
