"""Epochs of topics on Cassandra, each with the life of the topic that it is of."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from instastream.errors import Unready
from instastream.stores.cassandra.session import Row, Session
from instastream.topics import Lives, TopicLife

RECORDED = "SELECT epoch, topic_id, partitions FROM log_epochs WHERE topic = ?"
RECORD = """INSERT INTO log_epochs (topic, epoch, topic_id, partitions)
    VALUES (?, ?, ?, ?) IF NOT EXISTS"""
RAISE = """UPDATE log_epochs SET epoch = ?, topic_id = ?, partitions = ? WHERE topic = ?
    IF epoch = ?"""
CHECKED_FOR_MS = 5_000  # a topic that is made anew under a process is noticed within it
WHAT_TO_DO = (
    "raise its `epoch` in infra/topics.toml, run `instastream provision`, and start the workers "
    "and the API again (docs/operating.md, Epochs)"
)


class _Known(Struct, frozen=True):
    epoch: int
    life: TopicLife
    checked_ms: int


class CassandraEpochs:
    """Epochs in `log_epochs`; one that a process has begun with is its for good."""

    def __init__(self, session: Session, lives: Lives, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._lives = lives
        self._now_ms = now_ms
        self._known: dict[str, _Known] = {}
        self._checking: dict[str, asyncio.Task[_Known]] = {}

    async def of(self, topic: str) -> int:
        return (await self._current(topic)).epoch

    async def confirm(self, topic: str) -> None:
        known = await self._current(topic)
        _compare(topic, known.epoch, known.life, await self._lives(topic))

    async def _current(self, topic: str) -> _Known:
        """What was checked a moment ago, or is just now: once for all who ask meanwhile."""
        known, now_ms = self._known.get(topic), self._now_ms()
        if known and 0 <= now_ms - known.checked_ms < CHECKED_FOR_MS:
            return known
        if topic not in self._checking:
            check = asyncio.create_task(self._check(topic, known, now_ms))
            check.add_done_callback(lambda _: self._checking.pop(topic))
            self._checking[topic] = check
        return await asyncio.shield(self._checking[topic])

    async def _check(self, topic: str, known: _Known | None, now_ms: int) -> _Known:
        checked = await self._checked(topic, now_ms)
        if known and known.epoch != checked.epoch:
            raise Unready(
                f"topic {topic} is of epoch {checked.epoch} by now: start this process again"
            )
        self._known[topic] = checked
        return checked

    async def _checked(self, topic: str, now_ms: int) -> _Known:
        rows = await self._session.execute(RECORDED, topic, serial=True)
        if not rows:
            raise Unready(f"no epoch of topic {topic} is recorded: run `instastream provision`")
        epoch, recorded = int(rows[0].epoch), _recorded(rows[0])
        _compare(topic, epoch, recorded, await self._lives(topic))
        return _Known(epoch, recorded, now_ms)

    async def record(self, topic: str, epoch: int) -> None:
        """The topic as it is now is of this epoch.

        Raises Unready where another topic of this name was, where a later epoch is recorded, and,
        whatever the epoch, where partitions were added to the topic.
        """
        life = await self._lives(topic)
        now = epoch, life.topic_id, life.partitions
        while not (stands := await self._session.execute_once(RECORD, topic, *now)).applied:
            if stands.epoch == epoch:
                _compare(topic, epoch, _recorded(stands), life)
                break
            if stands.epoch > epoch:
                raise Unready(
                    f"topics.toml says epoch {epoch} of topic {topic} and {stands.epoch} is "
                    f"recorded: events would not be counted any more; restore the number"
                )
            if stands.topic_id == life.topic_id:
                _compare(topic, stands.epoch, _recorded(stands), life)
            await self._session.execute_once(RAISE, *now, topic, stands.epoch)


def _recorded(row: Row) -> TopicLife:
    return TopicLife(row.topic_id, row.partitions)


def _compare(topic: str, epoch: int, recorded: TopicLife, life: TopicLife) -> None:
    if recorded == life:
        return
    if recorded.topic_id == life.topic_id:
        raise Unready(
            f"topic {topic} has {life.partitions} partitions, not {recorded.partitions} since "
            f"epoch {epoch} began: a key may have events in two of them, in no order; make the "
            f"topic anew, then {WHAT_TO_DO}"
        )
    raise Unready(
        f"topic {topic} was made anew since epoch {epoch} began: its offsets would be taken for "
        f"those of before, and events be skipped; {WHAT_TO_DO}"
    )
