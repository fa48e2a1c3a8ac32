"""Counters in memory, for unit and flow tests."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from instastream.counting import Mark, Member, Shard, fold
from instastream.limits import LIKE_SHARDS_MAX
from instastream.stores.counters import Listed, Place, Total, total_of


def _members() -> defaultdict[Place, dict[Member, int]]:
    return defaultdict(dict)


@dataclass
class MemoryCounters:
    """Shards and their members."""

    for_good: bool = False
    counted: dict[Place, Shard] = field(default_factory=dict)
    kept: dict[Place, Shard] = field(default_factory=dict)  # what was published
    members: dict[Place, dict[Member, int]] = field(default_factory=_members)
    placed: dict[Place, dict[Member, int]] = field(default_factory=_members)  # who ever was listed

    async def apply(self, marks: Mapping[Place, Sequence[Mark]]) -> dict[Place, Shard]:
        for place, said in marks.items():
            before = self.counted.get(place, Shard())
            folded = fold(before, self.members[place], said, for_good=self.for_good)
            if folded:
                self.counted[place] = folded.shard
                self.members[place] |= folded.members
                self.placed[place] |= folded.placed
        return {place: self.counted.get(place, Shard()) for place in marks}

    async def publish(self, shards: Mapping[Place, Shard]) -> None:
        for place, shard in shards.items():
            if self.kept.get(place, Shard()).version <= shard.version:
                self.kept[place] = shard

    async def totals(self, subjects: Mapping[str, int]) -> dict[str, Total]:
        return {
            subject_id: total_of(subject_id, list(self._shards(subject_id, shards).values()))
            for subject_id, shards in subjects.items()
        }

    async def published(self, subject_id: str) -> dict[int, Shard]:
        return self._shards(subject_id, LIKE_SHARDS_MAX)

    def _shards(self, subject_id: str, shards: int) -> dict[int, Shard]:
        known = self.counted if shards == 1 else self.kept
        places = [Place(subject_id, number) for number in range(shards)]
        return {place.shard: known[place] for place in places if place in known}

    async def standing(self, places: Collection[Place], member: Member) -> dict[Place, int | None]:
        return {place: self.members[place].get(member) for place in places}

    async def shard(self, place: Place, member: Member) -> tuple[Shard, int | None]:
        return self.counted.get(place, Shard()), self.members[place].get(member)

    async def newest(
        self, subject_id: str, shards: int, *, before: int, limit: int
    ) -> list[Listed]:
        listed = [
            Listed(at, who)
            for place in (Place(subject_id, number) for number in range(shards))
            for who, at in self.placed[place].items()
            if self.members[place].get(who) and at < before
        ]
        return sorted(listed, reverse=True)[:limit]
