"""How much of the log is replayed: ranges of topics, times, keys; and what can't be bounded."""

from collections.abc import Sequence

from msgspec import Struct

from instastream.errors import Unready
from instastream.log import PARTITIONER
from instastream.ranges import Range, Span
from instastream.rebuilding.projections import Projection

WHOLE = "from the first event of a partition to its last: leave out offsets and times"


class Bounds(Struct, frozen=True, kw_only=True):
    """What of the log; nothing said is all of it. Times are Unix milliseconds."""

    ranges: Sequence[Range] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    keys: frozenset[bytes] = frozenset()

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.ranges or self.keys or self.is_timed)

    @property
    def is_timed(self) -> bool:
        """Whether times bound it."""
        return self.since_ms is not None or self.until_ms is not None


def planned(
    projections: Sequence[Projection], bounds: Bounds
) -> list[tuple[Projection, list[Range]]]:
    """Those projections that something is to be replayed for, and what of their topics.

    Raises Unready for ranges that are none of theirs, and for what would leave something wrong.
    """
    topics = [topic for one in projections for topic in one.topics]
    for one in bounds.ranges:
        if one.topic not in topics:
            raise Unready(f"{one.topic} is none of the topics: {', '.join(topics)}")
        if bounds.keys and one.partition is not None:
            raise Unready("a key is in one partition: leave out partitions, or the key")
    plan = []
    for projection in projections:
        ranges = [one for one in bounds.ranges if one.topic in projection.topics]
        if not bounds.ranges:
            ranges = projection.ranges
        if ranges:
            _check_whole(projection, ranges, bounds)
            plan.append((projection, ranges))
    return plan


def _check_whole(projection: Projection, ranges: Sequence[Range], bounds: Bounds) -> None:
    """What was counted up to an event is never asked again for those before it; and what is
    forgotten stands again where its end is left out, which is in the partition of its beginning.
    """
    is_part = any(one.begin is not None or one.end is not None for one in ranges)
    if not (is_part or bounds.is_timed):
        return
    if projection.is_counted:
        raise Unready(f"{projection.name} are counted {WHOLE}; a key or a partition can be given")
    if projection.forgets:
        raise Unready(
            f"{projection.name} is made {WHOLE}, or a follow, a block or a mute whose end is not "
            f"among them would stand again; a key or a partition can be given, or all of it made "
            f"beside what serves: `instastream rebuild {projection.name} --shadow` compares it, "
            f"`instastream rebuild all --swap` has it serve"
        )


def of_keys(spans: Sequence[Span], keys: frozenset[bytes]) -> list[Span]:
    """Those in which some keys are, of all partitions of some topics; all where no key is given."""
    if not keys:
        return list(spans)
    numbers: dict[str, list[int]] = {}
    for span in spans:
        numbers.setdefault(span.topic, []).append(span.partition)
    places = {
        (topic, PARTITIONER(key, sorted(found), sorted(found)))
        for topic, found in numbers.items()
        for key in keys
    }
    return [span for span in spans if span.place in places]
