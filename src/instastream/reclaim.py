"""Deletes the objects that no post needs any more: docs/decisions/0013."""

import logging
from itertools import groupby
from operator import attrgetter

from msgspec import Struct

from instastream import media
from instastream.deps import Deps, open_deps
from instastream.errors import InstastreamError
from instastream.findings import Finding, Kind
from instastream.metrics import count_swept
from instastream.settings import Settings
from instastream.stores.blobs import Listed
from instastream.stores.ledger import Due

DUE_LENGTH_MAX = 1_000  # of one pass: about a minute

NEEDED, LATELY, YOUNG = "some need it", "needed lately", "put lately"

log = logging.getLogger(__name__)


class Verdict(Struct, frozen=True):
    """What was found of one root that somebody may need no more."""

    root: str
    needed: bool  # or was, until a moment ago: it stays
    objects: int = 0  # that go
    size_bytes: int = 0  # of these
    why: str = "no post needs it"

    def finding(self, kind: Kind = "unneeded-media") -> Finding:
        """The same, as sweeps tell it; of what goes."""
        return Finding(
            kind=kind, of=self.root, why=self.why, objects=self.objects, size_bytes=self.size_bytes
        )


async def reclaim_once(settings: Settings, *, dry_run: bool) -> list[Verdict]:
    """One pass on the servers of these settings."""
    async with open_deps(settings) as deps:
        return await reclaim(deps, dry_run=dry_run)


async def reclaim(
    deps: Deps, *, dry_run: bool = False, limit: int = DUE_LENGTH_MAX
) -> list[Verdict]:
    """One pass over what is due: objects of roots that no post needs are gone after it.

    Any number of these may run at once, and stop anywhere.
    """
    due = await deps.ledger.due(deps.now_ms(), limit=limit)
    by_root = groupby(sorted(due, key=attrgetter("root")), key=attrgetter("root"))
    verdicts = []
    for root, looks in by_root:
        try:
            verdicts.append(await _judge(root, list(looks), deps, dry_run=dry_run))
        except InstastreamError as error:  # the others need not wait for it
            log.warning("%s is left for later: %s", root, error)
    if not dry_run:
        count_swept(one.finding() for one in verdicts if one.objects)
    return verdicts


async def foresee(root: str, deps: Deps) -> Verdict:
    """What a look at it would lead to now; nothing goes."""
    if why := await _why_not(root, deps):
        return Verdict(root, needed=True, why=why)
    generation = (await deps.ledger.generations(root)).current
    return _judged(root, await _objects(root, generation, deps), deps)


async def _judge(root: str, looks: list[Due], deps: Deps, *, dry_run: bool) -> Verdict:
    if dry_run:
        return await foresee(root, deps)
    verdict = await _reclaim_root(root, deps)
    if verdict.why in (LATELY, YOUNG):
        await deps.ledger.look_later(root, due_ms=deps.now_ms() + _grace_ms(deps))
    for due in looks:
        await deps.ledger.drop(due)
    return verdict


async def _reclaim_root(root: str, deps: Deps) -> Verdict:
    """Whoever refers to it after the second look reads a generation that is not deleted here."""
    if why := await _why_not(root, deps):
        return Verdict(root, needed=True, why=why)
    generation = (await deps.ledger.generations(root)).current
    await deps.ledger.condemn(root, generation)
    if why := await _why_not(root, deps):
        return Verdict(root, needed=True, why=why)
    objects = await _objects(root, generation, deps)
    verdict = _judged(root, objects, deps)
    if not verdict.needed:
        await deps.blobs.delete([one.key for one in objects])
        await deps.ledger.forget(root, generation)
    return verdict


async def _why_not(root: str, deps: Deps) -> str:
    """Why it stays, if it does. In this order: who releases it spares it first."""
    if await deps.ledger.is_referred(root):
        return NEEDED
    return LATELY if await deps.ledger.is_spared(root) else ""


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


def _judged(root: str, objects: list[Listed], deps: Deps) -> Verdict:
    """All of it goes, or none: a worker that nobody waits for any more may still put it."""
    young_ms = deps.now_ms() - _grace_ms(deps)
    if any(one.modified_ms > young_ms for one in objects):
        return Verdict(root, needed=True, why=YOUNG)
    size_bytes = sum(one.size_bytes for one in objects)
    return Verdict(root, needed=False, objects=len(objects), size_bytes=size_bytes)


def _grace_ms(deps: Deps) -> int:
    return deps.settings.media_grace_s * 1000
