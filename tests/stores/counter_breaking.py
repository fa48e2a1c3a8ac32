"""Counters broken by hand, as no event would, as of the version that they have."""

from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from instastream.counting import Member
from instastream.stores.cassandra.counter_rows import HEADER, LIST, MEMBERS
from instastream.stores.cassandra.session import Session
from instastream.stores.counters import Place
from instastream.stores.memory_counters import MemoryCounters


class Hand(Protocol):
    """Breaks shards of likes."""

    async def miscount(self, place: Place, count: int) -> None:
        """It says a count that is too large."""

    async def lose(self, place: Place, member: Member) -> None:
        """A member is there no more."""

    async def publish(self, place: Place, count: int) -> None:
        """What is published of it is too much."""

    async def unpublish(self, place: Place) -> None:
        """Nothing is published of it."""

    async def destroy(self, place: Place) -> None:
        """Nothing of it is there."""


@dataclass
class MemoryHand:
    """In memory."""

    counters: MemoryCounters

    async def miscount(self, place: Place, count: int) -> None:
        self.counters.counted[place] = replace(self.counters.counted[place], count=count)

    async def lose(self, place: Place, member: Member) -> None:
        del self.counters.members[place][member]

    async def publish(self, place: Place, count: int) -> None:
        self.counters.kept[place] = replace(self.counters.kept[place], count=count)

    async def unpublish(self, place: Place) -> None:
        del self.counters.kept[place]

    async def destroy(self, place: Place) -> None:
        del self.counters.counted[place], self.counters.members[place]


@dataclass
class CassandraHand:
    """In the table. Of two writes of one time a removal wins, or what is larger."""

    session: Session

    async def miscount(self, place: Place, count: int) -> None:
        cql = """UPDATE likes USING TIMESTAMP ? SET count = ? WHERE subject_id = ? AND shard = ?"""
        await self.session.execute(cql, await self._date(place), count, *_key(place))

    async def lose(self, place: Place, member: Member) -> None:
        await self.drop(place, MEMBERS, int(member))

    async def behead(self, place: Place) -> None:
        """The row that makes it readable without members is there no more."""
        await self.drop(place, MEMBERS, HEADER)

    async def drop(self, place: Place, page: int, member_id: int) -> None:
        """Any row is there no more."""
        cql = """DELETE FROM likes USING TIMESTAMP ?
            WHERE subject_id = ? AND shard = ? AND page = ? AND member_id = ?"""
        await self.session.execute(cql, await self._date(place), *_key(place), page, member_id)

    async def unlist(self, place: Place, page: int, member_id: int) -> None:
        """Somebody is not in the list who should be."""
        cql = f"""DELETE places[?] FROM likes USING TIMESTAMP ?
            WHERE subject_id = ? AND shard = ? AND page = ? AND member_id = {LIST}"""
        await self.session.execute(cql, member_id, await self._date(place), *_key(place), page)

    async def list(self, place: Place, page: int, at: int, member_id: int) -> None:
        """Somebody is in the list who should not be."""
        cql = f"""UPDATE likes USING TIMESTAMP ? SET places[?] = ?
            WHERE subject_id = ? AND shard = ? AND page = ? AND member_id = {LIST}"""
        await self.session.execute(cql, await self._date(place), member_id, at, *_key(place), page)

    async def advance(self, place: Place, version: int) -> None:
        """It says a version that nothing else in it is of."""
        cql = "UPDATE likes USING TIMESTAMP ? SET version = ? WHERE subject_id = ? AND shard = ?"
        await self.session.execute(cql, 2 * version, version, *_key(place))

    async def publish(self, place: Place, count: int) -> None:
        cql = "UPDATE post_counts USING TIMESTAMP ? SET count = ? WHERE post_id = ? AND shard = ?"
        await self.session.execute(cql, await self._date(place), count, *_key(place))

    async def unpublish(self, place: Place) -> None:
        cql = "DELETE FROM post_counts USING TIMESTAMP ? WHERE post_id = ? AND shard = ?"
        await self.session.execute(cql, await self._date(place), *_key(place))

    async def destroy(self, place: Place) -> None:
        cql = "DELETE FROM likes USING TIMESTAMP ? WHERE subject_id = ? AND shard = ?"
        await self.session.execute(cql, await self._date(place), *_key(place))

    async def _date(self, place: Place) -> int:
        cql = "SELECT version FROM likes WHERE subject_id = ? AND shard = ? LIMIT 1"
        [row] = await self.session.execute(cql, *_key(place))
        return 2 * int(row.version)


def _key(place: Place) -> tuple[int, int]:
    return int(place.subject_id), place.shard
