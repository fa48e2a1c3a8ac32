"""What is wrong with counters, decided without I/O."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, field

from instastream.counting import Shard
from instastream.stores.audits import Recount
from instastream.stores.counters import Total
from instastream.stores.counts import Kind

# A shard's count, size, list of members, header, and dates; its row in `post_counts`; what Redis
# shows of all shards.
What: TypeAlias = Literal["count", "size", "list", "header", "dates", "total", "shown"]


class Drift(Struct, frozen=True, kw_only=True):
    """Something that a counter says, and what it is."""

    kind: Kind
    subject_id: str
    shard: int | None  # None: of all of its shards
    what: What
    says: int
    is_: int = field(name="is")
    repaired: bool = False

    @property
    def key(self) -> tuple[int | None, What]:
        """Tells it from the others of its subject."""
        return self.shard, self.what


class Audit(Struct, frozen=True, kw_only=True):
    """What was recounted so far."""

    shards: int = 0
    members: int = 0
    busy: int = 0  # shards that changed each time they were read
    drift: list[Drift] = []

    def having(self, recounts: Sequence[Recount], drift: Sequence[Drift]) -> "Audit":
        """These too."""
        return Audit(
            shards=self.shards + sum(one.is_there for one in recounts),
            members=self.members + sum(one.ever for one in recounts),
            busy=self.busy + sum(not one.settled for one in recounts),
            drift=[*self.drift, *drift],
        )

    @property
    def unrepaired(self) -> int:
        """How much of the drift is there still."""
        return sum(not one.repaired for one in self.drift)


def drift_of(kind: Kind, recount: Recount) -> Iterator[Drift]:
    """What is wrong with a shard; of one that did not settle nothing is known."""
    says = recount.says
    found: list[tuple[What, bool, int, int]] = [
        ("count", says.count == recount.counted, says.count, recount.counted),
        ("size", says.size == recount.ever, says.size, recount.ever),
        ("list", recount.listed_right, recount.listed, recount.counted if kind == "likes" else 0),
        ("header", recount.headed, 0, 1),
        ("dates", says.version == recount.dated, says.version, recount.dated),
    ]
    for what, is_right, said, is_ in found if recount.settled else ():
        if not is_right:
            place = recount.place
            yield Drift(
                kind=kind,
                subject_id=place.subject_id,
                shard=place.shard,
                what=what,
                says=said,
                is_=is_,
            )


def contradicts(kept: Shard | Total, true: Shard | Total) -> bool:
    """Whether what is kept of a counter is wrong; what is only late may be, and is not yet."""
    return kept.version >= true.version and kept != true


def shows(kept: Total | None, true: Total) -> bool:
    """Whether what is shown is right; newer totals are, and what is not there is read anew."""
    if kept is None or kept.version > true.version:
        return True
    return (kept.count, kept.size) == (true.count, true.size)


def apart(
    kind: Kind, subject_id: str, shard: int | None, kept: Shard | Total, true: Shard | Total
) -> Drift:
    """That something other is kept of a counter than it says; where no number is, the version."""
    numbers = ((one.count, one.size, one.version) for one in (kept, true))
    says, is_ = next((a, b) for a, b in zip(*numbers, strict=True) if a != b)
    what: What = "shown" if shard is None else "total"
    return Drift(kind=kind, subject_id=subject_id, shard=shard, what=what, says=says, is_=is_)
