"""How a shard of a counter lies in its table: what its rows are, and what writes them."""

from instastream.counting import Member, Shard
from instastream.stores.cassandra.session import Row
from instastream.stores.counters import Place

MEMBERS = 0  # the place of all members; they are listed at places above it
HEADER = -1  # no member
SHARD_COLUMNS = "count, size, version, at_ms"

Key = tuple[int, int]  # of a partition: a subject and a shard
Statement = tuple[str, tuple[int, ...]]


class Rows:
    """Writes of the rows of a table such as `likes`, each `at` a timestamp."""

    def __init__(self, table: str) -> None:
        self._shard = f"""INSERT INTO {table} (subject_id, shard, place, member_id, {SHARD_COLUMNS})
            VALUES (?, ?, {MEMBERS}, {HEADER}, ?, ?, ?, ?) USING TIMESTAMP ?"""
        self._member = f"""INSERT INTO {table} (subject_id, shard, place, member_id, placed)
            VALUES (?, ?, {MEMBERS}, ?, ?) USING TIMESTAMP ?"""
        self._listed = f"""INSERT INTO {table} (subject_id, shard, place, member_id)
            VALUES (?, ?, ?, ?) USING TIMESTAMP ?"""
        self._gone = f"""DELETE FROM {table} USING TIMESTAMP ?
            WHERE subject_id = ? AND shard = ? AND place = ? AND member_id = ?"""

    def shard(self, key: Key, shard: Shard, *, at: int) -> Statement:
        """What a shard says, with the header that makes it come back where no member is."""
        return self._shard, (*key, *columns_of(shard), at)

    def member(self, key: Key, member: Member, placed: int, *, at: int) -> Statement:
        """Where a member is listed, 0 where it does not count."""
        return self._member, (*key, int(member), placed, at)

    def listed(self, key: Key, placed: int, member: int, *, at: int) -> Statement:
        """A member, listed at its place."""
        return self._listed, (*key, placed, member, at)

    def gone(self, key: Key, placed: int, member: int, *, at: int) -> Statement:
        """No such row: of a list, or of a member, whose place is MEMBERS."""
        return self._gone, (at, *key, placed, member)


def key_of(place: Place) -> Key:
    """Its partition."""
    return int(place.subject_id), place.shard


def columns_of(shard: Shard) -> tuple[int, int, int, int]:
    """Values of `SHARD_COLUMNS`."""
    return shard.count, shard.size, shard.version, shard.at_ms


def dated_at(shard: Shard) -> int:
    """The timestamp of its writes; the odd one that follows it is left to repairs."""
    return 2 * shard.version


def shard_in(row: Row) -> Shard:
    """What `SHARD_COLUMNS` say."""
    return Shard(
        count=row.count or 0, size=row.size or 0, version=row.version or 0, at_ms=row.at_ms or 0
    )
