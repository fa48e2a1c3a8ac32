"""Counters in memory, for unit and flow tests."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from instastream.counting import Mark, Member, Shard, fold
from instastream.stores.counters import Listed, Place, Total, total_of


def _members() -> defaultdict[Place, dict[Member, int]]:
    return defaultdict(dict)


@dataclass
class MemoryCounters:
    """Shards and their members."""

    for_good: bool = False
    counted: dict[Place, Shard] = field(default_factory=dict)
    members: dict[Place, dict[Member, int]] = field(default_factory=_members)

    async def apply(self, marks: Mapping[Place, Sequence[Mark]]) -> dict[Place, Shard]:
        for place, said in marks.items():
            before = self.counted.get(place, Shard())
            folded = fold(before, self.members[place], said, for_good=self.for_good)
            if folded:
                self.counted[place] = folded.shard
                self.members[place] |= folded.members
        return {place: self.counted.get(place, Shard()) for place in marks}

    async def publish(self, shards: Mapping[Place, Shard]) -> None:
        pass

    async def totals(self, subjects: Mapping[str, int]) -> dict[str, Total]:
        return {
            subject_id: total_of(
                subject_id, [self.counted.get(Place(subject_id, i), Shard()) for i in range(shards)]
            )
            for subject_id, shards in subjects.items()
        }

    async def standing(self, places: Collection[Place], member: Member) -> dict[Place, int | None]:
        return {place: self.members[place].get(member) for place in places}

    async def shard(self, place: Place, member: Member) -> tuple[Shard, int | None]:
        return self.counted.get(place, Shard()), self.members[place].get(member)

    async def newest(
        self, subject_id: str, shards: int, *, before: int, limit: int
    ) -> list[Listed]:
        members = [self.members[Place(subject_id, i)] for i in range(shards)]
        listed = [Listed(at, who) for shard in members for who, at in shard.items()]
        return sorted((one for one in listed if 0 < one.place < before), reverse=True)[:limit]
