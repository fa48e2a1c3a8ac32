"""How many like a post or comment and how much is said of it: a second old at most.

Read once for all who ask meanwhile: from Redis, and what is not there from the counters.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from msgspec import Struct

from instastream.counting import Shard
from instastream.deps import Deps, counters_of
from instastream.errors import Unavailable
from instastream.limits import CACHE_ENTRY_BYTES, COUNTED_MAX, COUNTS_AGE_MS, PARTS_BYTES_MAX
from instastream.reading.caching import Cache, Usage
from instastream.stores.counters import Total, total_of
from instastream.stores.counts import KINDS, Kind

COUNTED_BYTES = 1_000  # of one post or comment, see `COUNTED_MAX`


class Numbers(Struct, frozen=True, kw_only=True):
    """What a viewer sees counted of a post or comment."""

    likes: int
    comments: int  # of a comment, its replies
    liked: bool  # by the viewer
    at_ms: int  # of the last event that is counted, 0: nothing ever was


class Counted(Struct):
    """The totals of a post or comment, and their JSON: for who does not like it, and who does."""

    likes: Total
    comments: Total
    json: tuple[bytes, bytes]
    read_ms: int

    @property
    def is_liked(self) -> bool:
        """By anyone."""
        return self.likes.count > 0

    def numbers(self, *, liked: bool) -> Numbers:
        """As a viewer sees it."""
        return numbers_of(self.likes, self.comments, liked=liked)


class Parts(Struct, frozen=True):
    """A total over several shards, and these as of the same moment."""

    total: Total
    shards: Mapping[int, Shard]
    read_ms: int

    def of(self, shard: int) -> Shard:
        """One of them."""
        return self.shards.get(shard) or Shard()


class Totals:
    """What one process keeps; of two totals the later stays."""

    def __init__(
        self, deps: Deps, *, show: Callable[[Numbers], bytes], without_redis: bool = False
    ) -> None:
        self._deps = deps
        self._show = show
        self._without_redis = without_redis
        self._kept: OrderedDict[str, Counted] = OrderedDict()
        self._loading: dict[str, asyncio.Task[dict[str, Counted]]] = {}
        self._hits = self._misses = 0
        self._parts = Cache[str, Parts](
            self._load_parts,
            bytes_max=PARTS_BYTES_MAX,
            size_of=lambda parts: CACHE_ENTRY_BYTES * len(parts.shards),
        )

    @property
    def usage(self) -> Usage:
        """Of totals; of their size only the number is known."""
        return Usage(self._hits, self._misses, len(self._kept) * COUNTED_BYTES)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._loading.clear()
        self._parts.clear()

    async def get(self, subjects: Mapping[str, int]) -> dict[str, Counted]:
        """Of each subject, with so many shards of likes.

        With what is too old, what soon will be is read anew: a page is read as one.
        """
        kept, now_ms = self._kept, self._deps.now_ms()
        due_ms = now_ms - COUNTS_AGE_MS
        found = {i: kept[i] for i in subjects if i in kept and kept[i].read_ms > due_ms}
        self._hits += len(found)
        if len(found) == len(subjects):
            return found
        self._misses += len(subjects) - len(found)
        missing = [i for i in subjects if i not in found]
        if any(i not in self._loading for i in missing):
            soon_ms = now_ms - COUNTS_AGE_MS // 2
            soon = [i for i in subjects if i not in found or found[i].read_ms <= soon_ms]
            self._begin({i: subjects[i] for i in soon if i not in self._loading})
        loads = {i: self._loading[i] for i in missing}
        for subject_id, load in loads.items():
            found[subject_id] = (await asyncio.shield(load))[subject_id]
        return found

    def peek_parts(self, subject_id: str) -> Parts | None:
        """A subject's shards, where they are here."""
        try:
            return self._parts.peek(subject_id)
        except KeyError:
            return None

    async def parts(self, subject_id: str, shard: int, *, version: int) -> Parts:
        """A subject's shards; read anew, once a second, while one is not at a version yet."""
        parts = await self._parts.get(subject_id)
        assert parts
        is_due = parts.read_ms <= self._deps.now_ms() - COUNTS_AGE_MS
        if is_due and parts.of(shard).version < version:
            self._parts.evict(subject_id)
            parts = await self._parts.get(subject_id)
            assert parts
        return parts

    def learn(self, counted: Counted, likes: Total) -> Counted:
        """What is known of a subject, with a total of its likes that may be later."""
        return self._keep(likes, counted.comments, counted.read_ms)

    def _begin(self, subjects: dict[str, int]) -> None:
        load = asyncio.create_task(self._load(subjects))
        self._loading |= dict.fromkeys(subjects, load)
        load.add_done_callback(partial(self._end, subjects))

    def _end(self, subjects: Mapping[str, int], load: asyncio.Task[dict[str, Counted]]) -> None:
        for subject_id in subjects:
            if self._loading.get(subject_id) is load:
                del self._loading[subject_id]
        if not load.cancelled():
            load.exception()  # whoever waits is told

    async def _load(self, subjects: Mapping[str, int]) -> dict[str, Counted]:
        now_ms = self._deps.now_ms()
        known = await self._published(subjects)
        missing: dict[Kind, dict[str, int]] = {
            kind: {i: subjects[i] for i in subjects if (kind, i) not in known} for kind in KINDS
        }
        missing["comments"] = dict.fromkeys(missing["comments"], 1)
        await asyncio.gather(
            *(self._fill(kind, missing[kind], known) for kind in KINDS),
        )
        return {i: self._keep(known["likes", i], known["comments", i], now_ms) for i in subjects}

    async def _published(self, subjects: Mapping[str, int]) -> dict[tuple[Kind, str], Total]:
        if self._without_redis:
            return {}
        try:
            return dict(await self._deps.counts.of_all_kinds(subjects))
        except Unavailable:  # the counters know
            return {}

    async def _fill(
        self,
        kind: Kind,
        subjects: Mapping[str, int],
        known: dict[tuple[Kind, str], Total],
    ) -> None:
        """Read what Redis has not, and put it there: what was counted meanwhile is newer."""
        if not subjects:
            return
        totals = await counters_of(kind, self._deps).totals(subjects)
        known |= {(kind, i): total for i, total in totals.items()}
        if not self._without_redis:
            with suppress(Unavailable):
                await self._deps.counts.publish(kind, totals.values())

    def _keep(self, likes: Total, comments: Total, read_ms: int) -> Counted:
        before = self._kept.get(likes.subject_id)
        if before:
            likes, comments = _later(before.likes, likes), _later(before.comments, comments)
        if before and before.likes == likes and before.comments == comments:
            counted, before.read_ms = before, max(before.read_ms, read_ms)
        else:
            liked = (numbers_of(likes, comments, liked=liked) for liked in (False, True))
            no, yes = map(self._show, liked)
            counted = Counted(likes, comments, (no, yes), read_ms)
            self._kept[likes.subject_id] = counted
        self._kept.move_to_end(likes.subject_id)
        if len(self._kept) > COUNTED_MAX:
            self._kept.popitem(last=False)
        return counted

    async def _load_parts(self, subject_ids: list[str]) -> dict[str, Parts]:
        now_ms = self._deps.now_ms()
        found = await asyncio.gather(*map(self._deps.likes.published, subject_ids))
        return {
            subject_id: Parts(total_of(subject_id, list(shards.values())), shards, now_ms)
            for subject_id, shards in zip(subject_ids, found, strict=True)
        }


def numbers_of(likes: Total, comments: Total, *, liked: bool) -> Numbers:
    """What a viewer sees of these totals."""
    return Numbers(
        likes=likes.count,
        comments=comments.count,
        liked=liked,
        at_ms=max(likes.at_ms, comments.at_ms),
    )


def _later(kept: Total, read: Total) -> Total:
    return kept if kept.version > read.version else read
