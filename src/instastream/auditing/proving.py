"""Proves counters against the log: what its events come to, up to where each shard is counted.

Of a topic that was made anew the log has only this life's events. Whoever these speak of counts
or not as they say; the others, and where someone is listed, are taken from the shard.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from instastream.comments import CommentEvent
from instastream.counting import Mark, Member, Shard, fold
from instastream.deps import Deps
from instastream.events import Event, Record
from instastream.handlers.engagement import comment_marks, like_marks
from instastream.likes import LikeEvent
from instastream.limits import LIKE_SHARDS_MAX
from instastream.steps import Report
from instastream.stores.counters import Place
from instastream.stores.counts import KINDS, Kind

PROVED_MEMBERS_MAX = 1_000_000  # of one subject, all in memory: some hundred megabytes

Subject: TypeAlias = tuple[Kind, str]
MARKS: Mapping[Kind, Callable[[Record[Any], int], Iterable[tuple[Place, Mark]]]] = {
    "likes": like_marks,
    "comments": comment_marks,
}
TOPICS: Mapping[Kind, type[Event]] = {"likes": LikeEvent, "comments": CommentEvent}


class Difference(Struct, frozen=True, kw_only=True):
    """Something that a shard says or has, and what the log says; and the event that decided it."""

    kind: Kind
    subject_id: str
    shard: int
    what: Literal["count", "size", "member"]
    says: int | None  # of a member: its page, 0 where it doesn't count; None: it never did
    is_: int | None = field(name="is")
    member: str | None = None
    topic: str | None = None  # None: no event speaks of it
    partition: int | None = None
    offset: int | None = None
    repaired: bool = False


class Proof(Struct, frozen=True, kw_only=True):
    """What was proved."""

    subjects: int = 0
    shards: int = 0
    members: int = 0
    events: int = 0  # that they were counted from
    left_out: list[str] = []  # subjects that are too large, or changed all the time
    differences: list[Difference] = []


class Sample:
    """Some of all subjects, each as likely: those whose digests, of this seed, are smallest."""

    def __init__(self, length: int, *, seed: int) -> None:
        self.length = length
        self.seed = seed
        self._digests: dict[Subject, bytes] = {}

    def see(self, kind: Kind, subject_id: str) -> None:
        """One more, or one that was there already."""
        said = f"{self.seed}:{kind}:{subject_id}".encode()
        self._digests[kind, subject_id] = blake2b(said, digest_size=16).digest()
        if len(self._digests) > self.length:
            del self._digests[max(self._digests, key=self._digests.__getitem__)]

    @property
    def subjects(self) -> list[Subject]:
        """Those that it has."""
        return sorted(self._digests)


class Counted:
    """A shard of the store, and what the log has told of it so far."""

    def __init__(
        self,
        kind: Kind,
        place: Place,
        says: Shard,
        members: dict[Member, int],
        *,
        is_whole: bool,  # whether the log has all of its events
    ) -> None:
        self.kind, self.place, self.says, self.members = kind, place, says, members
        self.is_whole = is_whole
        self.told: dict[Member, int] = {}
        self.decided: dict[Member, Record[Event]] = {}
        self.shard = Shard()

    def tell(self, mark: Mark, record: Record[Event]) -> None:
        """The next event of the log; what the store has not counted yet is left out."""
        if mark.version > self.says.version:
            return
        before = {mark.member: self.told[mark.member]} if mark.member in self.told else {}
        folded = fold(self.shard, before, [mark], for_good=self.kind == "comments")
        assert folded
        self.shard = folded.shard
        if before != folded.members:
            self.told |= folded.members
            self.decided[mark.member] = record

    @property
    def expected(self) -> dict[Member, int]:
        """Members as the log has them."""
        if self.is_whole:
            return self.told
        return self.members | {
            member: (page and self.members.get(member)) or page
            for member, page in self.told.items()
        }

    @property
    def right(self) -> Shard:
        """What the shard should say."""
        expected = self.expected
        return replace(self.says, count=sum(map(bool, expected.values())), size=len(expected))

    def wrong(self) -> dict[Member, int | None]:
        """Members that the store has otherwise, as the log has them; None: it never heard."""
        expected = self.expected
        return {
            member: expected.get(member)
            for member in sorted({*expected, *self.members})
            if expected.get(member) != self.members.get(member)
        }

    def differences(self) -> list[Difference]:
        """Where the store is not what the log says."""
        right = self.right
        numbers = [
            self._difference("count", self.says.count, right.count),
            self._difference("size", self.says.size, right.size),
        ]
        return [one for one in numbers if one.says != one.is_] + [
            self._of_member(member, is_) for member, is_ in self.wrong().items()
        ]

    def _difference(
        self, what: Literal["count", "size", "member"], says: int | None, is_: int | None
    ) -> Difference:
        return Difference(
            kind=self.kind,
            subject_id=self.place.subject_id,
            shard=self.place.shard,
            what=what,
            says=says,
            is_=is_,
        )

    def _of_member(self, member: Member, is_: int | None) -> Difference:
        one = self._difference("member", self.members.get(member), is_)
        record = self.decided.get(member)
        if record is None:
            return replace(one, member=member)
        return replace(
            one,
            member=member,
            topic=record.event.topic,
            partition=record.partition,
            offset=record.offset,
        )


async def prove(
    subjects: Collection[Subject], deps: Deps, *, repair: bool, report: Report
) -> Proof:
    """Fold the whole log of some subjects, and compare; write what it says where that differs."""
    proof = Proof()
    for done, kind in enumerate(KINDS, start=1):
        chosen = [subject_id for one, subject_id in subjects if one == kind]
        epoch = await deps.epochs.of(TOPICS[kind].topic)
        counted, left_out = await _read(kind, chosen, deps, is_whole=epoch == 0)
        events = await _tell(kind, counted, epoch, deps) if counted else 0
        differences = [
            one for shard in counted.values() for one in await _settle(shard, deps, repair=repair)
        ]
        proof = Proof(
            subjects=proof.subjects + len(chosen) - len(left_out),
            shards=proof.shards + len(counted),
            members=proof.members + sum(len(one.members) for one in counted.values()),
            events=proof.events + events,
            left_out=[*proof.left_out, *left_out],
            differences=[*proof.differences, *differences],
        )
        report("reading the log", done, len(KINDS))
    return proof


async def _read(
    kind: Kind, subject_ids: Iterable[str], deps: Deps, *, is_whole: bool
) -> tuple[dict[Place, Counted], list[str]]:
    """All shards of subjects, first: what they have counted is in the log by now."""
    found: dict[Place, Counted] = {}
    left_out = []
    for subject_id in subject_ids:
        audits = deps.audits[kind]
        said = await audits.said(subject_id, range(LIKE_SHARDS_MAX))
        if sum(shard.size for shard in said.values()) > PROVED_MEMBERS_MAX:
            left_out.append(subject_id)
            continue
        shards = {place: await audits.snapshot(place) for place in said}
        still = {place: shard for place, shard in shards.items() if shard}
        if len(still) < len(shards):
            left_out.append(subject_id)
            continue
        found |= {
            place: Counted(kind, place, *shard, is_whole=is_whole) for place, shard in still.items()
        }
    return found, left_out


async def _tell(kind: Kind, counted: Mapping[Place, Counted], epoch: int, deps: Deps) -> int:
    """Read the log; returns how many events spoke of these shards."""
    events = 0
    async for record in deps.log.read(TOPICS[kind].topic):
        for place, mark in MARKS[kind](record, epoch):
            if shard := counted.get(place):
                shard.tell(mark, record)
                events += 1
    return events


async def _settle(shard: Counted, deps: Deps, *, repair: bool) -> list[Difference]:
    """What differs; and, where it is to be repaired, whether it is right now."""
    found = shard.differences()
    if not (found and repair):
        return found
    audits = deps.audits[shard.kind]
    await audits.repair(shard.place, shard.right, shard.wrong())
    is_right = await audits.snapshot(shard.place) == (shard.right, shard.expected)
    return [replace(one, repaired=is_right) for one in found]
