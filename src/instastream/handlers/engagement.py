"""What is liked and said, counted: many events of one partition at a time, in their order."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from instastream.comments import CommentAdded, CommentDeleted, CommentEdited, CommentEvent
from instastream.counting import NOT_COUNTED, Mark, Shard, version_of
from instastream.deps import Deps, version_of_record
from instastream.events import CommentLiked, Event, PostLiked, Record
from instastream.handlers.table import BatchHandlers
from instastream.likes import LikeEvent
from instastream.stores.counters import Counters, Place, Total, total_of
from instastream.stores.counts import Kind

COUNTING = "engagement"  # the one app that runs these
COUNTED = 1  # the place of every comment: they are listed where they are kept


async def count_likes(records: Sequence[Record[LikeEvent]], deps: Deps) -> list[Event]:
    """Posts and comments have these likes, and everyone can read how many."""
    epoch = await deps.epochs.of(LikeEvent.topic)
    marks: dict[Place, list[Mark]] = {}
    subjects: dict[str, int] = {}
    for record in records:
        for place, mark in like_marks(record, epoch):
            marks.setdefault(place, []).append(mark)
            subjects[place.subject_id] = record.event.shards
    await _count("likes", marks, subjects, deps.likes, deps)
    return []


def like_marks(record: Record[LikeEvent], epoch: int) -> Iterable[tuple[Place, Mark]]:
    """What an event says of which shard."""
    event = record.event
    mark = Mark(
        member=event.user_id,
        place=_listed_at(event),
        version=version_of(epoch=epoch, offset=record.offset),
        at_ms=event.at_ms,
    )
    yield Place(event.subject_id, event.shard), mark


def _listed_at(event: LikeEvent) -> int:
    return int(event.like_id) if isinstance(event, PostLiked | CommentLiked) else NOT_COUNTED


async def record_comments(records: Sequence[Record[CommentEvent]], deps: Deps) -> list[Event]:
    """Comments stand in their threads, and everyone can read how many there are."""
    epoch = await deps.epochs.of(CommentEvent.topic)
    await asyncio.gather(*(record_comment(record, deps) for record in records))
    marks: dict[Place, list[Mark]] = {}
    for record in records:
        for place, mark in comment_marks(record, epoch):
            marks.setdefault(place, []).append(mark)
    subjects = {place.subject_id: 1 for place in marks}
    await _count("comments", marks, subjects, deps.comment_ids, deps)
    return []


def comment_marks(record: Record[CommentEvent], epoch: int) -> Iterable[tuple[Place, Mark]]:
    """What an event says of its post's comments, and of the replies to a comment."""
    event = record.event
    if isinstance(event, CommentEdited):
        return
    mark = Mark(
        member=event.comment_id,
        place=COUNTED if isinstance(event, CommentAdded) else NOT_COUNTED,
        version=version_of(epoch=epoch, offset=record.offset),
        at_ms=event.at_ms,
    )
    for subject_id in filter(None, (event.post_id, event.reply_to)):
        yield Place(subject_id), mark


async def record_comment(record: Record[CommentEvent], deps: Deps) -> None:
    """The comment stands in its thread as this event says; it is not counted by this."""
    match record.event:
        case CommentAdded():
            await deps.comments.record_added(record.event)
        case CommentEdited():
            version = await version_of_record(record, deps)
            await deps.comments.record_edited(record.event, version=version)
        case CommentDeleted():
            await deps.comments.record_deleted(record.event)


async def _count(
    kind: Kind,
    marks: Mapping[Place, Sequence[Mark]],
    subjects: Mapping[str, int],
    counters: Counters,
    deps: Deps,
) -> None:
    """Also what was counted before is published: whoever counted it may have died before that."""
    shards = await counters.apply(marks)
    parted = {place: shard for place, shard in shards.items() if subjects[place.subject_id] > 1}
    await counters.publish(parted)
    totals = [*_wholes(shards, subjects)]
    if parted:
        several = {place.subject_id: subjects[place.subject_id] for place in parted}
        totals += (await counters.totals(several)).values()
    await deps.counts.publish(kind, totals)


def _wholes(shards: Mapping[Place, Shard], subjects: Mapping[str, int]) -> Iterable[Total]:
    for place, shard in shards.items():
        if subjects[place.subject_id] == 1:
            yield total_of(place.subject_id, [shard])


ENGAGEMENT: BatchHandlers = {LikeEvent.topic: count_likes, CommentEvent.topic: record_comments}
