"""Looks through the object store for what nothing else leads to: docs/decisions/0037.

It only finds: a root that no post refers to is to be looked at, and `reclaim` decides.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from instastream import media
from instastream.deps import Deps
from instastream.findings import Finding
from instastream.listing import next_pages
from instastream.metrics import count_swept
from instastream.reclaim import foresee
from instastream.stores.blobs import Listed

PREFIXES = ("media/", "originals/", "private/")  # what originals become, and they themselves
PAGES_MAX = 3  # of each prefix in one pass: a second or two of Cassandra


async def reconcile(deps: Deps) -> int:
    """One pass over each prefix, from where the last one ended; returns how many orphans it found.

    Each of them is due to be looked at. Any number of these may run at once, and stop anywhere.
    """
    found: list[Finding] = []
    for prefix in PREFIXES:
        async for page in next_pages(prefix, deps, count=PAGES_MAX):
            found += await find_orphans(page, deps)
    count_swept(one for one in found if not one.goes)  # what goes is counted when it does
    return sum(one.goes for one in found)


async def find_orphans(
    page: Sequence[Listed], deps: Deps, *, dry_run: bool = False
) -> list[Finding]:
    """The roots of a page that no post needs, each to be looked at from now on; and what is none's.

    Whatever is younger than the grace is left alone, and so is what some post needed that lately.
    """
    old_ms = deps.now_ms() - deps.settings.media_grace_s * 1000
    by_root: dict[str, list[Listed]] = defaultdict(list)
    for one in page:
        by_root[media.root_of_key(one.key.removeprefix("originals/"))].append(one)
    old = {
        root: objects
        for root, objects in by_root.items()
        if all(one.modified_ms < old_ms for one in objects)
    }
    found = await asyncio.gather(
        *(_judge(root, objects, deps, dry_run=dry_run) for root, objects in old.items())
    )
    return [one for some in found for one in some]


async def _judge(
    root: str, objects: Sequence[Listed], deps: Deps, *, dry_run: bool
) -> list[Finding]:
    strangers = [one for one in objects if media.generation_of(one.key, root) is None]
    found = [
        Finding(
            kind="unknown",
            of=one.key,
            why="it lies where nothing is put",
            objects=1,
            size_bytes=one.size_bytes,
        )
        for one in strangers
        if not await deps.ledger.is_referred(root)
    ]
    if len(strangers) < len(objects):
        verdict = await foresee(root, deps)
        if not verdict.needed and verdict.objects:
            if not dry_run:
                await deps.ledger.look_later(root, due_ms=deps.now_ms())
            found.append(verdict.finding("orphan"))
    return found
