"""Counts events that counters may have gone past: docs/decisions/0032.

A counter skips what is older than what it has counted, so an event that was given up can't simply
be handled again. Here it is counted where nothing later was; else its counter is proved from the
log, which comes to the same.
"""

from typing import Any

from instastream.auditing.proving import Subject, prove
from instastream.comments import CommentEvent
from instastream.deps import Deps
from instastream.errors import Unavailable, Unready
from instastream.events import Event, Record, decode_placed
from instastream.handlers.engagement import ENGAGEMENT
from instastream.letters import Origin
from instastream.likes import LikeEvent
from instastream.steps import Report


class Late:
    """Some such events, each by a number."""

    def __init__(self) -> None:
        self.left: dict[int, str] = {}  # what is not counted, and why
        self._counted: dict[int, Record[Any]] = {}

    async def count(
        self, number: int, origin: Origin, *, key: bytes | None, value: bytes | None, deps: Deps
    ) -> None:
        """Handle it where it stood; those of a partition are given in their order."""
        try:
            record = await _countable(origin, key, value, deps)
            await _handle(record, deps)
        except (Unavailable, Unready):
            raise
        except Exception as error:  # it may be the very one that it died of
            self.left[number] = f"{type(error).__name__}: {error}"
        else:
            self._counted[number] = record

    async def prove(self, deps: Deps, report: Report) -> None:
        """What they speak of is as the log has it, and shown so."""
        about = {number: _subjects(one.event) for number, one in self._counted.items()}
        subjects = {subject for some in about.values() for subject in some}
        if not subjects:
            return
        proof = await prove(sorted(subjects), deps, repair=True, report=report)
        unproved = {one.subject_id for one in proof.differences if not one.repaired}
        unproved.update(proof.left_out)
        for number, record in self._counted.items():
            if unproved.isdisjoint(subject_id for _, subject_id in about[number]):
                await _handle(record, deps)
            else:
                self.left[number] = "its counter is too large or too busy to be proved now"


async def _countable(
    origin: Origin, key: bytes | None, value: bytes | None, deps: Deps
) -> Record[Any]:
    event = decode_placed(value, topic=origin.topic, key=key)
    origin.check_epoch(await deps.epochs.of(origin.topic))
    return Record(event, partition=origin.partition, offset=origin.offset)


async def _handle(record: Record[Any], deps: Deps) -> None:
    await ENGAGEMENT[record.event.topic]([record], deps)


def _subjects(event: Event) -> list[Subject]:
    if isinstance(event, LikeEvent):
        return [("likes", event.subject_id)]
    assert isinstance(event, CommentEvent)
    return [("comments", one) for one in (event.post_id, event.reply_to) if one]
