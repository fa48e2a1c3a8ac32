"""Totals are read where they are kept, and otherwise from the counters, and then kept."""

import dataclasses
from collections.abc import AsyncIterator, Collection, Mapping

import pytest
import pytest_asyncio

from instastream.counting import Mark
from instastream.deps import Deps, memory_deps
from instastream.errors import Unavailable
from instastream.stores.counters import Place, Total
from instastream.stores.counts import Kind
from instastream.stores.memory_counts import MemoryCounts
from instastream.totals import totals
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import NoRenderer

ONE, TWO, NEW = "1571234567890123456", "1571234567890123457", "1571234567890123458"
KINDS: tuple[Kind, Kind] = ("likes", "comments")


@pytest_asyncio.fixture
async def deps() -> AsyncIterator[Deps]:
    """One has one like and comment, in one shard; two has two, in two."""
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        for counters in (deps.likes, deps.comment_ids):
            for version, place in enumerate((Place(ONE), Place(TWO, 0), Place(TWO, 1)), start=1):
                mark = Mark(member=NEW, place=1, version=version, at_ms=version)
                await counters.publish(await counters.apply({place: [mark]}))
        yield deps


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_kept_is_counted_and_kept_from_now_on(deps: Deps, kind: Kind) -> None:
    kept = Total(subject_id=ONE, count=7, size=7, version=9, at_ms=9)
    await deps.counts.publish(kind, [kept])
    read = await totals(kind, {ONE: 1, TWO: 2, NEW: 1}, deps)
    assert read[ONE] == kept
    assert [read[one].count for one in (TWO, NEW)] == [2, 0]
    assert await deps.counts.totals(kind, [ONE, TWO, NEW]) == read
    assert await totals(kind, {}, deps) == {}


class AbsentCounts(MemoryCounts):
    """A Redis that goes down between two commands."""

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        raise Unavailable("redis", "connection refused")


class NoCounts(AbsentCounts):
    """A Redis that is down."""

    async def totals(self, kind: Kind, subject_ids: Collection[str]) -> Mapping[str, Total]:
        raise Unavailable("redis", "connection refused")


@pytest.mark.parametrize("absent", [AbsentCounts, NoCounts])
async def test_where_nothing_can_be_kept_all_is_counted(
    deps: Deps, absent: type[MemoryCounts]
) -> None:
    without = dataclasses.replace(deps, counts=absent())
    read = await totals("likes", {ONE: 1, TWO: 2}, without)
    assert [read[one].count for one in (ONE, TWO)] == [1, 2]
