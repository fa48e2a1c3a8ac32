"""All that sweeps do, to its end: the same that the `ledger` workers do a part at a time."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeAlias

from instastream.deps import Deps
from instastream.findings import Finding
from instastream.listing import pages
from instastream.multipart import abandoned
from instastream.orphans import sweep_page
from instastream.reclaim import DUE_LENGTH_MAX, reclaim
from instastream.steps import Report
from instastream.sweeping.missing import all_posts, find_missing
from instastream.sweeping.objects import PREFIXES, find_orphans
from instastream.sweeping.stuck import find_stuck
from instastream.uploads import ORIGINALS

FORESEEN_MAX = 100_000  # roots that are due

Found: TypeAlias = AsyncGenerator[tuple[int, list[Finding]], None]  # after how many more looks


async def sweep(deps: Deps, *, dry_run: bool, report: Report) -> AsyncIterator[list[Finding]]:
    """What goes, once it is gone, or would go; and what else is found.

    Safe to repeat, to stop anywhere, and to run beside any other.
    """
    for step, look in STEPS.items():
        done = 0
        report(step, done, 1)
        async with aclosing(look(deps, dry_run)) as looks:
            async for more, found in looks:
                done += more
                report(step, done, done + 1)
                yield found
        report(step, max(done, 1), max(done, 1))


async def _uploads(deps: Deps, dry_run: bool) -> Found:
    async for page in pages(ORIGINALS, deps):
        yield len(page), await sweep_page(page, deps, dry_run=dry_run)


async def _parts(deps: Deps, dry_run: bool) -> Found:
    async for one in abandoned(deps, dry_run=dry_run):
        yield 1, [one]


async def _media(deps: Deps, dry_run: bool) -> Found:
    """First what is due, and then what nothing else led to."""
    due: set[str] = set()
    async for found in _reclaimed(deps, dry_run):
        due |= {one.of for one in found}
        yield 0, found
    orphans: dict[str, Finding] = {}
    for prefix in PREFIXES:
        async for page in pages(prefix, deps):
            found = await find_orphans(page, deps, dry_run=dry_run)
            orphans |= {one.of: one for one in found if one.goes and one.of not in due}
            yield len(page), [one for one in found if not one.goes]
    if dry_run:
        yield 0, list(orphans.values())
        return
    async for found in _reclaimed(deps, dry_run):
        yield 0, [orphans.get(one.of, one) for one in found]


async def _reclaimed(deps: Deps, dry_run: bool) -> AsyncIterator[list[Finding]]:
    """Until nothing is due; what can't be reclaimed now is left for later."""
    limit = FORESEEN_MAX if dry_run else DUE_LENGTH_MAX
    while verdicts := await reclaim(deps, dry_run=dry_run, limit=limit):
        yield [one.finding() for one in verdicts if one.objects]
        if dry_run:
            break


async def _waiting(deps: Deps, dry_run: bool) -> Found:
    async with aclosing(find_stuck(deps, dry_run=dry_run)) as some:
        async for found in some:
            yield len(found), found


async def _missing(deps: Deps, dry_run: bool) -> Found:
    async for post_ids in all_posts(deps):
        yield len(post_ids), await find_missing(post_ids, deps)


STEPS: dict[str, Callable[[Deps, bool], Found]] = {
    "looking through uploads": _uploads,
    "looking for parts": _parts,
    "looking through media": _media,
    "looking for posts that wait": _waiting,
    "looking for posts that lack media": _missing,
}
