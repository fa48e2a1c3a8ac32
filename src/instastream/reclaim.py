"""Deletes the objects that no post needs any more: docs/decisions/0013."""

import logging
from itertools import groupby
from operator import attrgetter

from msgspec import Struct

from instastream import media
from instastream.deps import Deps, open_deps
from instastream.errors import InstastreamError
from instastream.settings import Settings
from instastream.stores.blobs import Listed
from instastream.stores.ledger import Due

DUE_LENGTH_MAX = 1_000  # of one pass: about a minute

log = logging.getLogger(__name__)


class Verdict(Struct, frozen=True):
    """What was found of one root that somebody may need no more."""

    root: str
    needed: bool
    objects: int = 0  # that go
    size_bytes: int = 0  # of these


async def reclaim_once(settings: Settings, *, dry_run: bool) -> list[Verdict]:
    """One pass on the servers of these settings."""
    async with open_deps(settings) as deps:
        return await reclaim(deps, dry_run=dry_run)


async def reclaim(deps: Deps, *, dry_run: bool = False) -> list[Verdict]:
    """One pass over what is due: objects of roots that no post needs are gone after it.

    Any number of these may run at once, and stop anywhere.
    """
    due = await deps.ledger.due(deps.now_ms(), limit=DUE_LENGTH_MAX)
    by_root = groupby(sorted(due, key=attrgetter("root")), key=attrgetter("root"))
    verdicts = []
    for root, looks in by_root:
        try:
            verdicts.append(await _judge(root, list(looks), deps, dry_run=dry_run))
        except InstastreamError as error:  # the others need not wait for it
            log.warning("%s is left for later: %s", root, error)
    return verdicts


async def _judge(root: str, looks: list[Due], deps: Deps, *, dry_run: bool) -> Verdict:
    if dry_run:
        return await _foresee(root, deps)
    verdict = await _reclaim_root(root, deps)
    for due in looks:
        await deps.ledger.drop(due)
    return verdict


async def _foresee(root: str, deps: Deps) -> Verdict:
    if await deps.ledger.is_referred(root):
        return Verdict(root, needed=True)
    return _goes(root, await _objects(root, (await deps.ledger.generations(root)).current, deps))


async def _reclaim_root(root: str, deps: Deps) -> Verdict:
    """Whoever refers to it after the second look reads a generation that is not deleted here."""
    if await deps.ledger.is_referred(root):
        return Verdict(root, needed=True)
    generation = (await deps.ledger.generations(root)).current
    await deps.ledger.condemn(root, generation)
    if await deps.ledger.is_referred(root):
        return Verdict(root, needed=True)
    objects = await _objects(root, generation, deps)
    await deps.blobs.delete([one.key for one in objects])
    await deps.ledger.forget(root, generation)
    return _goes(root, objects)


async def _objects(root: str, generation: int, deps: Deps) -> list[Listed]:
    """All that lies there up to a generation, and the originals that it was made from."""
    listed = [
        *await deps.blobs.list(f"{root}/"),
        *await deps.blobs.list(f"{media.kept_key(root)}/"),
    ]
    return [
        one
        for one in listed
        if (its := media.generation_of(one.key, root)) is not None and its <= generation
    ]


def _goes(root: str, objects: list[Listed]) -> Verdict:
    size_bytes = sum(one.size_bytes for one in objects)
    return Verdict(root, needed=False, objects=len(objects), size_bytes=size_bytes)
