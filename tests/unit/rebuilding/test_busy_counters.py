"""A counter that people change all the time is told where it is wrong, and only there."""

import re
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from cassandra.query import named_tuple_factory

from instastream.rebuilding.comparing import compare
from instastream.steps import ignore
from instastream.stores.cassandra import contents
from instastream.stores.cassandra.contents import TABLES, CassandraContents
from instastream.stores.cassandra.counter_rows import HEADER, MEMBERS
from instastream.stores.cassandra.session import Session

SUBJECT = 5
AT_FIRST = 10  # members


class Side:
    """A session of tables with one partition: members, and a count that may be wrong."""

    def __init__(self, *, off_by: int = 0, lost: int | None = None, busy: bool = False) -> None:
        self.members = list(range(AT_FIRST))
        self.off_by = off_by
        self.lost = lost  # a member who is not there
        self.busy = busy  # whether someone comes between the first page and the next

    def come(self) -> None:
        """One more member, anywhere among the others."""
        self.members.append(len(self.members) * 7919 % 10_007)

    def rows(self, table: str, *, after: int) -> list[Any]:
        """As the driver gives them: the header, where there is one, and members."""
        there = sorted({*self.members} - {self.lost})
        size = len(there)
        count = size + self.off_by
        found: list[tuple[object, ...]]
        if table == "followers":
            found = [(SUBJECT, 0, count, size, one, True, 1) for one in there if one > after]
        else:
            shard = SUBJECT, 0, count, size, size, size, MEMBERS
            found = [(*shard, one, 1, None) for one in there if one > after]
            if after < HEADER:
                found.insert(0, (*shard, HEADER, None, None))
        return named_tuple_factory(TABLES[table].columns.split(", "), found)

    async def pages(self, cql: str, *values: int, rows: int) -> AsyncIterator[list[Any]]:
        [table] = re.findall(r"FROM (\w+)", cql)
        if "token" in cql and not values[0] < SUBJECT <= values[1]:
            return
        some = self.rows(table, after=HEADER - 1)[:rows]
        yield some
        if self.busy:
            self.come()
        member = "follower_id" if table == "followers" else "member_id"
        while some := self.rows(table, after=getattr(some[-1], member))[:rows]:
            yield some


async def told(table: str, serving: Side) -> list[str]:
    """What differs from a shadow that is always a little behind."""
    shadow = Side()

    async def follow() -> None:
        shadow.members = list(serving.members)
        serving.come()

    serving.come()
    found = await compare(
        [table],
        CassandraContents(cast(Session, serving)),
        CassandraContents(cast(Session, shadow)),
        follow=follow,
        report=ignore,
    )
    return [row for odd in found for row in odd.rows]


WRONG = {
    "likes": '[5,0,0,"off by",-1,0]',
    "followers": '[5,0,"off by",-1]',
}


@pytest.mark.parametrize("table", WRONG)
async def test_a_count_that_is_wrong_is_told_while_it_changes(table: str) -> None:
    assert await told(table, Side(off_by=-1)) == [WRONG[table]]


@pytest.mark.parametrize("table", WRONG)
async def test_a_count_that_is_right_is_not_told_while_it_changes(table: str) -> None:
    assert await told(table, Side()) == []


@pytest.mark.parametrize("table", WRONG)
@pytest.mark.parametrize("off_by", [0, -1])
async def test_also_where_it_changes_while_it_is_read(
    table: str, off_by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "ROWS_AT_ONCE", 3)
    found = await told(table, Side(off_by=off_by, busy=True))
    assert found == ([WRONG[table]] if off_by else [])


@pytest.mark.parametrize("table", WRONG)
async def test_of_what_is_never_read_as_of_one_moment_that_is_told(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(contents, "RECOUNTED_AT_ONCE", 3)
    [row] = await told(table, Side(busy=True))
    assert row.endswith('"off by","changes all the time"]')


@pytest.mark.parametrize("table", WRONG)
async def test_a_member_who_is_not_there_is_told_though_the_count_is_of_the_others(
    table: str,
) -> None:
    [row] = await told(table, Side(lost=3))
    assert row.startswith("[5,0,0,3" if table == "likes" else "[5,0,3")
