"""The followers of a bucket are read in one piece, which is made anew when they change."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import pytest

from instastream.ids import UserId
from instastream.relations import Edge, EdgeState
from instastream.stores.cassandra.follower_pages import KEEP, ROWS, FollowerPages
from instastream.stores.cassandra.followers import CassandraFollowers
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.graph import bucket_of
from tests.stores.conftest import new_id

Meanwhile = Callable[[], Awaitable[None]]


class Watched:
    """A session that notes what is asked, and lets something happen in between."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.one_generation = session.one_generation
        self.asked: list[str] = []
        self.before: dict[str, Meanwhile] = {}
        self.torn = False

    async def execute(self, cql: str, *values: object) -> list[Row]:
        self.asked.append(cql)
        if meanwhile := self.before.pop(cql, None):
            await meanwhile()
        rows = await self._session.execute(cql, *values)
        if cql == ROWS and self.torn:  # as when a change comes between two pages of rows
            last = rows[-1]._asdict() | {"revision": rows[-1].revision + 1}
            return [*rows[:-1], SimpleNamespace(**last)]
        return rows


class Bucket:
    """One of an author's buckets, whose pieces are read with a watched session."""

    def __init__(self, session: Session, *, packed_max: int = 100) -> None:
        self.author = UserId(new_id())
        self.number = bucket_of(self.author)  # any
        self.session = Watched(session)
        self._pages = FollowerPages(cast(Session, self.session), packed_max=packed_max)
        self._followers = CassandraFollowers(session)
        self._version = 0

    def someone(self) -> UserId:
        while bucket_of(one := UserId(new_id())) != self.number:
            pass
        return one

    async def tell(self, follower: UserId, state: EdgeState = "follows") -> None:
        self._version += 1
        edge = Edge(
            follower_id=follower, followee_id=self.author, state=state, version=self._version
        )
        await self._followers.record(edge)

    async def read(self) -> list[int] | None:
        return await self._pages.read(int(self.author), [self.number])


async def test_rows_are_read_once_until_someone_comes_or_goes(session: Session) -> None:
    bucket = Bucket(session)
    first, second = bucket.someone(), bucket.someone()
    assert await bucket.read() == []
    for state, expected in (("follows", [int(first), int(second)]), ("none", [int(second)])):
        await bucket.tell(second)
        await bucket.tell(first, cast(EdgeState, state))
        bucket.session.asked.clear()
        assert [await bucket.read() for _ in range(3)] == [expected] * 3
        assert bucket.session.asked.count(ROWS) == 1


@pytest.mark.parametrize("moment", [ROWS, KEEP])
async def test_who_comes_while_a_piece_is_made_is_in_the_next(
    session: Session, moment: str
) -> None:
    bucket = Bucket(session)
    first, second = bucket.someone(), bucket.someone()
    await bucket.tell(first)
    bucket.session.before[moment] = lambda: bucket.tell(second)
    await bucket.read()
    assert await bucket.read() == [int(first), int(second)]


async def test_rows_that_changed_while_they_were_read_are_not_kept(session: Session) -> None:
    bucket = Bucket(session)
    await bucket.tell(bucket.someone())
    await bucket.tell(bucket.someone())
    bucket.session.torn = True
    await bucket.read()
    assert KEEP not in bucket.session.asked


async def test_a_late_piece_takes_no_newer_ones_place(session: Session) -> None:
    bucket = Bucket(session)
    await bucket.tell(bucket.someone())

    async def change_and_read() -> None:
        await bucket.tell(bucket.someone())
        await bucket.read()

    bucket.session.before[KEEP] = change_and_read
    await bucket.read()
    bucket.session.asked.clear()
    await bucket.read()
    assert ROWS not in bucket.session.asked


@pytest.mark.parametrize(("count", "packed"), [(2, True), (3, True), (4, False)])
async def test_too_many_followers_are_left_to_the_rows(
    session: Session, count: int, packed: bool
) -> None:
    bucket = Bucket(session, packed_max=3)
    for _ in range(count):
        await bucket.tell(bucket.someone())
    found = await bucket.read()
    assert (found is not None) == packed
    assert found is None or len(found) == count
