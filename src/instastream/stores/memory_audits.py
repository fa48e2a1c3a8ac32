"""Counters in memory recounted, for unit and flow tests."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from instastream.counting import Member, Shard, some_place
from instastream.stores.audits import NO_MEMBERS, Arc, Recount
from instastream.stores.counters import Place
from instastream.stores.memory_counters import MemoryCounters


@dataclass
class MemoryAudits:
    """Of shards whose lists are made of their members, and totals of their shards."""

    counters: MemoryCounters

    async def recounts(self, arc: Arc) -> AsyncIterator[Recount]:
        for place in sorted(self.counters.counted, key=_token):
            if arc.after < _token(place) <= arc.until:
                yield await self.recount(place)

    def token(self, place: Place) -> int:
        return _token(place)

    async def recount(self, place: Place) -> Recount:
        members = self.counters.members[place]
        says = self.counters.counted.get(place, Shard())
        counted = sum(map(bool, members.values()))
        return Recount(
            place=place,
            says=says,
            counted=counted,
            ever=len(members),
            listed=counted,
            listed_right=True,
            headed=True,
            dated=says.version,
            settled=True,
        )

    async def members(self, place: Place) -> AsyncIterator[list[Member]]:
        yield [*self.counters.members[place]]

    async def snapshot(self, place: Place) -> tuple[Shard, dict[Member, int]] | None:
        return self.counters.counted.get(place, Shard()), dict(self.counters.members[place])

    async def said(self, subject_id: str, shards: Collection[int]) -> dict[Place, Shard]:
        places = [Place(subject_id, shard) for shard in shards]
        return {one: self.counters.counted[one] for one in places if one in self.counters.counted}

    async def repair(
        self, place: Place, shard: Shard, members: Mapping[Member, int | None] = NO_MEMBERS
    ) -> None:
        if self.counters.counted.get(place, Shard()).version > shard.version:
            return
        self.counters.counted[place] = shard
        for member, page in members.items():
            if page is None:
                self.counters.members[place].pop(member, None)
            else:
                self.counters.members[place][member] = page
                self.counters.placed[place].setdefault(member, some_place(page, member))

    async def published(self, arc: Arc) -> AsyncIterator[dict[Place, Shard]]:
        subject_ids = {place.subject_id for place in self.counters.kept}
        for subject_id in sorted(subject_ids, key=_token):
            if arc.after < _token(subject_id) <= arc.until:
                yield await self.published_of([subject_id])

    async def published_of(self, subject_ids: Collection[str]) -> dict[Place, Shard]:
        kept = self.counters.kept
        return {place: kept[place] for place in sorted(kept) if place.subject_id in subject_ids}

    async def republish(self, shards: Mapping[Place, Shard]) -> None:
        for place, shard in shards.items():
            if self.counters.kept.get(place, Shard()).version <= shard.version:
                self.counters.kept[place] = shard


def _token(of: Place | str) -> int:
    """Where a shard is on the ring, or what is published of a subject."""
    return int.from_bytes(blake2b(str(of).encode(), digest_size=8).digest(), signed=True)
