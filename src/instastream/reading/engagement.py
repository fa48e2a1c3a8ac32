"""Counts and flags as a viewer sees them: with their own likes, counted yet or not.

A like that may not be counted is looked for where it is counted: docs/decisions/0028.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from instastream.deps import Deps
from instastream.ids import UserId
from instastream.likes import shard_of
from instastream.limits import CACHE_ENTRY_BYTES, FLAGS_AGE_MS, FLAGS_BYTES_MAX
from instastream.reading.caching import Usage
from instastream.reading.totals import Counted, Numbers, Totals
from instastream.stores.counters import Place, total_of
from instastream.stores.counts import Pending

FLAG_BYTES = 150  # of memory, with the id that it is of


class Proof(NamedTuple):
    """A version of a viewer's own like, and one of a total that is known to include it."""

    said: int
    total: int


UNPROVED = Proof(0, 0)


class Flags:
    """What one viewer likes, as far as it was read within the last seconds.

    `proved` are their own likes that what was read is known to include.
    """

    def __init__(self, until_ms: int) -> None:
        self.until_ms = until_ms
        self.liked: dict[str, bool] = {}
        self.proved: dict[str, Proof] = {}

    def put(self, liked: Mapping[str, bool], proved: Mapping[str, Proof]) -> None:
        """Keep what was read, unless something later is kept."""
        for subject_id, is_liked in liked.items():
            proof = proved.get(subject_id, UNPROVED)
            if proof >= self.proved.get(subject_id, UNPROVED):
                self.liked[subject_id] = is_liked
                if proof.said:
                    self.proved[subject_id] = proof

    def include(self, pending: Sequence[Pending], counted: Mapping[str, Counted]) -> bool:
        """Whether what a viewer said of some posts is known to be in these totals and flags."""
        for said in pending:
            total = counted.get(said.subject_id)
            if total is not None:
                proof = self.proved.get(said.subject_id, UNPROVED)
                if proof.said < said.version or total.likes.version < proof.total:
                    return False
        return True

    @property
    def size_bytes(self) -> int:
        """Of memory."""
        return 2 * CACHE_ENTRY_BYTES + FLAG_BYTES * len(self.liked)


class Engagement:
    """What one process knows of counts and flags."""

    def __init__(
        self, deps: Deps, *, show: Callable[[Numbers], bytes], without_redis: bool = False
    ) -> None:
        self._deps = deps
        self._show = show
        self._totals = Totals(deps, show=show, without_redis=without_redis)
        self._flags: OrderedDict[UserId, Flags] = OrderedDict()  # by when they end
        self._flags_bytes = 0

    @property
    def usage(self) -> Usage:
        """What totals were used for."""
        return self._totals.usage

    def clear(self) -> None:
        """Forget all."""
        self._totals.clear()
        self._flags.clear()
        self._flags_bytes = 0

    async def numbers(
        self, viewer: UserId, subjects: Mapping[str, int], pending: Sequence[Pending]
    ) -> dict[str, Numbers]:
        """What a viewer sees of posts or comments, each with its number of shards.

        `pending` is what they liked lately.
        """
        counted = await self._totals.get(subjects)
        liked, own = await self._seen(viewer, subjects, pending, counted)
        return {i: own.get(i) or counted[i].numbers(liked=liked[i]) for i in subjects}

    async def json(
        self, viewer: UserId, subjects: Mapping[str, int], pending: Sequence[Pending]
    ) -> list[bytes]:
        """As `numbers`, each as it is shown."""
        counted = await self._totals.get(subjects)
        flags = self._flags_of(viewer)
        if flags.include(pending, counted):
            with suppress(KeyError):  # one that is not read yet
                return [(one := counted[i]).json[one.is_liked and flags.liked[i]] for i in subjects]
        liked, own = await self._seen(viewer, subjects, pending, counted)
        return [self._show(own[i]) if i in own else counted[i].json[liked[i]] for i in subjects]

    async def _seen(
        self,
        viewer: UserId,
        subjects: Mapping[str, int],
        pending: Sequence[Pending],
        counted: dict[str, Counted],
    ) -> tuple[dict[str, bool], dict[str, Numbers]]:
        """What the viewer likes, and what only they see counted already."""
        own: dict[str, Numbers] = {}
        proved: dict[str, Proof] = {}
        if pending:
            latest = _latest(pending, subjects)
            unsure = [
                said
                for i, said in latest.items()
                if not self._is_counted(viewer, subjects[i], said, counted)
            ]
            if unsure:
                own = await self._judge_all(viewer, subjects, unsure, counted)
            proved = {
                i: Proof(said.version, counted[i].likes.version)
                for i, said in latest.items()
                if i not in own
            }
        flags = self._flags_of(viewer)
        liked = {i: False for i in subjects if not counted[i].is_liked}
        liked |= {i: flags.liked[i] for i in subjects if i in flags.liked and i not in liked}
        missing = [i for i in subjects if i not in liked and i not in own]
        missing += [
            i for i in proved if i in liked and flags.proved.get(i, UNPROVED).said < proved[i].said
        ]
        if missing:
            places = {i: Place(i, shard_of(viewer, subjects[i])) for i in missing}
            standing = await self._deps.likes.standing(places.values(), viewer)
            read = {i: bool(standing[place]) for i, place in places.items()}
            self._put(viewer, flags, read, proved)
            liked |= read
        return liked, own

    def _is_counted(
        self, viewer: UserId, shards: int, said: Pending, counted: dict[str, Counted]
    ) -> bool:
        """Whether the total is known to include what a viewer said.

        One of several shards is known by its own version only: the total's is a sum.
        """
        subject_id = said.subject_id
        known = counted[subject_id]
        if shards == 1:
            return known.likes.version >= said.version
        parts = self._totals.peek_parts(subject_id)
        if parts is None or parts.of(shard_of(viewer, shards)).version < said.version:
            return False
        counted[subject_id] = self._totals.learn(known, parts.total)
        return True

    async def _judge_all(
        self,
        viewer: UserId,
        subjects: Mapping[str, int],
        unsure: Collection[Pending],
        counted: dict[str, Counted],
    ) -> dict[str, Numbers]:
        """What only the viewer sees, who said something that is not in the totals yet."""
        judged = await asyncio.gather(
            *(self._judge(viewer, subjects[said.subject_id], said, counted) for said in unsure)
        )
        return {
            said.subject_id: numbers
            for said, numbers in zip(unsure, judged, strict=True)
            if numbers
        }

    async def _judge(
        self, viewer: UserId, shards: int, said: Pending, counted: dict[str, Counted]
    ) -> Numbers | None:
        """What only the viewer sees of one subject; None where the total has it by now.

        Their shard, as of some event, beside the others; and what they said, if it comes later.
        """
        subject_id = said.subject_id
        place = Place(subject_id, shard_of(viewer, shards))
        others, at_ms = 0, 0
        if shards > 1:
            parts = await self._totals.parts(subject_id, place.shard, version=said.version)
            if self._is_counted(viewer, shards, said, counted):
                return None
            others, at_ms = parts.total.count - parts.of(place.shard).count, parts.total.at_ms
        shard, placed = await self._deps.likes.shard(place, viewer)
        known = counted[subject_id]
        if shards == 1:
            known = self._totals.learn(known, total_of(subject_id, [shard]))
        liked = said.liked if shard.version < said.version else bool(placed)
        return Numbers(
            likes=others + shard.count + liked - bool(placed),
            comments=known.comments.count,
            liked=liked,
            at_ms=max(at_ms, shard.at_ms, known.comments.at_ms),
        )

    def _flags_of(self, viewer: UserId) -> Flags:
        now_ms = self._deps.now_ms()
        flags = self._flags.get(viewer)
        if flags is None or flags.until_ms <= now_ms:
            return Flags(now_ms + FLAGS_AGE_MS)
        return flags

    def _put(
        self,
        viewer: UserId,
        flags: Flags,
        liked: Mapping[str, bool],
        proved: Mapping[str, Proof],
    ) -> None:
        """Keep what was read; whose flags end first goes first."""
        kept = self._flags.get(viewer)
        if kept is None or kept.until_ms < flags.until_ms:
            self._drop([viewer])
            kept = self._flags[viewer] = flags
        else:
            self._flags_bytes -= kept.size_bytes
        kept.put(liked, proved)
        self._flags_bytes += kept.size_bytes
        while self._flags_bytes > FLAGS_BYTES_MAX:
            self._drop([next(iter(self._flags))])

    def _drop(self, viewers: Collection[UserId]) -> None:
        for viewer in viewers:
            if viewer in self._flags:
                self._flags_bytes -= self._flags.pop(viewer).size_bytes


def _latest(pending: Sequence[Pending], subjects: Mapping[str, int]) -> dict[str, Pending]:
    """Of each subject what was said last: what the log holds last."""
    latest: dict[str, Pending] = {}
    for said in pending:
        subject_id = said.subject_id
        if subject_id in subjects:
            before = latest.get(subject_id)
            if before is None or before.version < said.version:
                latest[subject_id] = said
    return latest
