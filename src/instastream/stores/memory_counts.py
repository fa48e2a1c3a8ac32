"""Counts as they are shown, in memory, for unit and flow tests."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field

from instastream.ids import UserId
from instastream.limits import PENDING_LENGTH
from instastream.stores.counters import Total
from instastream.stores.counts import KINDS, Kind, Pending


def _expected() -> defaultdict[UserId, list[Pending]]:
    return defaultdict(list)


@dataclass
class MemoryCounts:
    """Totals and pending likes."""

    kept: dict[tuple[Kind, str], Total] = field(default_factory=dict)
    expected: dict[UserId, list[Pending]] = field(default_factory=_expected)

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        for total in totals:
            kept = self.kept.get((kind, total.subject_id))
            if kept is None or kept.version <= total.version:
                self.kept[kind, total.subject_id] = total

    async def totals(self, kind: Kind, subject_ids: Collection[str]) -> Mapping[str, Total]:
        return {i: self.kept[kind, i] for i in subject_ids if (kind, i) in self.kept}

    async def of_all_kinds(self, subject_ids: Collection[str]) -> Mapping[tuple[Kind, str], Total]:
        names = [(kind, subject_id) for subject_id in subject_ids for kind in KINDS]
        return {name: self.kept[name] for name in names if name in self.kept}

    async def everything(self) -> AsyncIterator[tuple[Kind, Total]]:
        for (kind, _), total in list(self.kept.items()):
            yield kind, total

    async def expect(self, user_id: UserId, pending: Pending) -> None:
        self.expected[user_id].append(pending)
        del self.expected[user_id][:-PENDING_LENGTH]

    async def pending(self, user_id: UserId) -> list[Pending]:
        return list(self.expected[user_id])
