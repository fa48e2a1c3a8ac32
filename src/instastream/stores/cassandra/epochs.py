"""Epochs of topics on Cassandra, each with the life of the topic that it is of."""

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
    checked_ms: int


class CassandraEpochs:
    """Epochs in `log_epochs`; one that a process has begun with is its for good."""

    def __init__(self, session: Session, lives: Lives, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._lives = lives
        self._now_ms = now_ms
        self._known: dict[str, _Known] = {}

    async def of(self, topic: str) -> int:
        known, now_ms = self._known.get(topic), self._now_ms()
        if known is None or not 0 <= now_ms - known.checked_ms < CHECKED_FOR_MS:
            epoch = await self._checked(topic)
            if known and known.epoch != epoch:
                raise Unready(f"topic {topic} is of epoch {epoch} by now: start this process again")
            known = self._known[topic] = _Known(epoch, now_ms)
        return known.epoch

    async def _checked(self, topic: str) -> int:
        rows = await self._session.execute(RECORDED, topic, serial=True)
        if not rows:
            raise Unready(f"no epoch of topic {topic} is recorded: run `instastream provision`")
        _compare(topic, rows[0], await self._lives(topic))
        return int(rows[0].epoch)

    async def record(self, topic: str, epoch: int) -> None:
        """The topic as it is now is of this epoch.

        Raises Unready where another topic of this name was, or where a later epoch is recorded.
        """
        life = await self._lives(topic)
        now = epoch, life.topic_id, life.partitions
        while not (stands := await self._session.execute_once(RECORD, topic, *now)).applied:
            if stands.epoch == epoch:
                _compare(topic, stands, life)
                break
            if stands.epoch > epoch:
                raise Unready(
                    f"topics.toml says epoch {epoch} of topic {topic} and {stands.epoch} is "
                    f"recorded: events would not be counted any more; restore the number"
                )
            await self._session.execute_once(RAISE, *now, topic, stands.epoch)


def _compare(topic: str, recorded: Row, life: TopicLife) -> None:
    if (recorded.topic_id, recorded.partitions) == (life.topic_id, life.partitions):
        return
    found = (
        f"has {life.partitions} partitions, not {recorded.partitions}"
        if recorded.topic_id == life.topic_id
        else "was made anew"
    )
    raise Unready(
        f"topic {topic} {found} since epoch {recorded.epoch} began: its offsets would be taken for "
        f"those of before, and events be skipped; {WHAT_TO_DO}"
    )
