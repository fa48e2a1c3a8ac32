"""Recounts all counters, or those of one post: in bounded memory, safe to stop anywhere."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from itertools import product

from instastream.auditing.drift import Audit
from instastream.auditing.judging import judge
from instastream.deps import Deps
from instastream.ids import PostId
from instastream.limits import LIKE_SHARDS_MAX
from instastream.steps import Report
from instastream.stores.audits import Arc, Recount, arcs
from instastream.stores.counters import Place
from instastream.stores.counts import KINDS, Kind

ARCS = 256  # what progress is told in
JUDGED_TOGETHER = 100  # shards
MEMBERS_TOGETHER = 20_000  # of all of these

Seen = Callable[[Kind, str], None]  # a subject, once for each of its shards


async def audit_all(deps: Deps, *, report: Report, seen: Seen) -> AsyncIterator[Audit]:
    """Everything that is counted; says what was found so far as it goes."""
    audit = Audit()
    parts = list(product(KINDS, arcs(ARCS)))
    for done, (kind, arc) in enumerate(parts, start=1):
        async for some in recounts(kind, arc, deps):
            audit = await _with(audit, kind, some, deps, seen)
        report("recounting", done, len(parts))
        yield audit


async def audit_post(
    post_id: PostId, deps: Deps, *, report: Report, seen: Seen
) -> AsyncIterator[Audit]:
    """The likes of a post and of its comments, its comments and their replies."""
    audit, done = Audit(), 0
    comments = await deps.audits["comments"].recount(Place(post_id))
    async for kind, places in _places_of(post_id, deps):
        some = await asyncio.gather(*map(deps.audits[kind].recount, places))
        audit = await _with(audit, kind, some, deps, seen)
        done += sum(kind == "comments" and place.subject_id != post_id for place in places)
        report("recounting", done, max(done, comments.ever))
        yield audit


async def _with(
    audit: Audit, kind: Kind, recounts: Sequence[Recount], deps: Deps, seen: Seen
) -> Audit:
    for one in recounts:
        if one.is_there:
            seen(kind, one.place.subject_id)
    return audit.having(recounts, await judge(kind, recounts, deps))


async def recounts(kind: Kind, arc: Arc, deps: Deps) -> AsyncGenerator[list[Recount], None]:
    """Some at a time, of all shards in a part of the ring, also lost ones."""
    async for some in found(kind, arc, deps):
        yield some
    async for some in lost(kind, arc, deps):
        yield some


async def found(kind: Kind, arc: Arc, deps: Deps) -> AsyncGenerator[list[Recount], None]:
    """Some at a time, of the shards in a part of the ring that are there, in its order."""
    async for some in _together(deps.audits[kind].recounts(arc)):
        yield some


async def lost(kind: Kind, arc: Arc, deps: Deps) -> AsyncGenerator[list[Recount], None]:
    """Some at a time, of those that are not there though something of them is published."""
    async for some in _together(_lost(kind, arc, deps)):
        yield some


async def _together(recounts: AsyncIterator[Recount]) -> AsyncIterator[list[Recount]]:
    some: list[Recount] = []
    members = 0
    async for one in recounts:
        some.append(one)
        members += one.ever
        if len(some) >= JUDGED_TOGETHER or members >= MEMBERS_TOGETHER:
            yield some
            some, members = [], 0
    if some:
        yield some


async def _lost(kind: Kind, arc: Arc, deps: Deps) -> AsyncIterator[Recount]:
    """Shards of which something is published, and that are not there."""
    audits = deps.audits[kind]
    async for published in audits.published(arc):
        [subject_id] = {place.subject_id for place in published}
        said = await audits.said(subject_id, [place.shard for place in published])
        for place in published:
            if place not in said and not (recount := await audits.recount(place)).is_there:
                yield recount


async def _places_of(post_id: PostId, deps: Deps) -> AsyncIterator[tuple[Kind, list[Place]]]:
    """All that is counted of a post, some at a time."""
    said = await deps.audits["likes"].said(post_id, range(LIKE_SHARDS_MAX))
    published = await deps.audits["likes"].published_of([post_id])
    yield "likes", sorted({Place(post_id), *said, *published})
    yield "comments", [Place(post_id)]
    async for comment_ids in deps.audits["comments"].members(Place(post_id)):
        for at in range(0, len(comment_ids), JUDGED_TOGETHER):
            places = [Place(one) for one in comment_ids[at : at + JUDGED_TOGETHER]]
            yield "likes", places
            yield "comments", places
