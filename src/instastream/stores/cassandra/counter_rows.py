"""How a shard of a counter lies in its table: what its rows are, and what writes them.

A statement names all members that it says the same of: Cassandra takes a row of its own for each
of them, but decodes and checks the statement once.
"""

from collections.abc import Iterable, Mapping

from instastream.counting import Member, Shard
from instastream.stores.cassandra.numbers import Values
from instastream.stores.cassandra.session import Row
from instastream.stores.counters import Place

MEMBERS = 0  # the page of all members; they are listed on those above it
HEADER = -1  # no member
LIST = 0  # no member: the one row of a page of the list
SHARD_COLUMNS = "count, size, version, at_ms"

Key = tuple[int, int]  # of a partition: a subject and a shard
Statement = tuple[str, Values]


class Rows:
    """Writes of the rows of a table such as `likes`, each `at` a timestamp."""

    def __init__(self, table: str) -> None:
        self._shard = f"""INSERT INTO {table} (subject_id, shard, page, member_id, {SHARD_COLUMNS})
            VALUES (?, ?, {MEMBERS}, {HEADER}, ?, ?, ?, ?) USING TIMESTAMP ?"""
        where = "WHERE subject_id = ? AND shard = ?"
        self._members = f"""UPDATE {table} USING TIMESTAMP ? SET listed_on = ?
            {where} AND page = {MEMBERS} AND member_id IN ?"""
        self._never = f"""DELETE FROM {table} USING TIMESTAMP ?
            {where} AND page = {MEMBERS} AND member_id IN ?"""
        self._listed = f"""UPDATE {table} USING TIMESTAMP ? SET places = places + ?
            {where} AND page = ? AND member_id = {LIST}"""
        self._gone = f"""UPDATE {table} USING TIMESTAMP ? SET places = places - ?
            {where} AND page = ? AND member_id = {LIST}"""

    def shard(self, key: Key, shard: Shard, *, at: int) -> Statement:
        """What a shard says, with the header that makes it come back where no member is."""
        return self._shard, (*key, *columns_of(shard), at)

    def members(self, key: Key, page: int, members: Iterable[int], *, at: int) -> Statement:
        """Members that are listed on one page, or count no more."""
        return self._members, (at, page, *key, sorted(members))

    def never(self, key: Key, members: Iterable[int], *, at: int) -> Statement:
        """They never were members."""
        return self._never, (at, *key, sorted(members))

    def listed(self, key: Key, page: int, places: Mapping[int, int], *, at: int) -> Statement:
        """Members on a page of the list, each with its place."""
        return self._listed, (at, places, *key, page)

    def gone(self, key: Key, page: int, members: Iterable[int], *, at: int) -> Statement:
        """They are not on this page of the list."""
        return self._gone, (at, sorted(members), *key, page)


def by_page(members: Iterable[tuple[int, Member | int]]) -> dict[int, list[int]]:
    """Members, of whom each comes with its page, page by page."""
    pages: dict[int, list[int]] = {}
    for page, member in members:
        pages.setdefault(page, []).append(int(member))
    return pages


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
