"""Which generation of projections serves is known a moment late, by one read at a time."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from instastream.errors import Unavailable, Unready
from instastream.rebuilding.projections import PROJECTIONS
from instastream.stores.cassandra import generations as of_generations
from instastream.stores.cassandra.contents import TABLES
from instastream.stores.cassandra.generations import (
    GIVE_BACK,
    KNOWN_FOR_S,
    PROJECTED,
    SETTLED_S,
    TAKE,
    Generations,
    Serving,
)


class Recorded:
    """The row that says which serves."""

    def __init__(self) -> None:
        self.row: Any = None
        self.reads = 0
        self.away = False
        self.maker: object = None

    def say(self, serving: int, *, before: int | None = None, held: str | None = None) -> None:
        self.row = SimpleNamespace(serving=serving, before=before, held=held)

    async def execute(self, cql: str, *values: object, serial: bool = False) -> list[Any]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("cassandra", "away")
        return [self.row] if self.row else []

    async def execute_once(self, cql: str, *values: object) -> Any:
        if self.away:
            raise Unavailable("cassandra", "away")
        applied = self.maker == (None if cql == TAKE else values[-1])
        if applied:
            self.maker = None if cql == GIVE_BACK else values[0]
        return SimpleNamespace(applied=applied)


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def generations(recorded: Recorded, clock: Clock) -> Generations:
    return Generations("instastream", recorded, now_s=clock)


async def test_where_nothing_was_swapped_the_first_serves(generations: Generations) -> None:
    assert await generations.keyspace() == "instastream"
    assert await generations.keyspace_to_count_in() == "instastream"
    assert (await generations.ask()).following == 1


async def test_a_change_is_noticed_within_the_time_that_it_is_known_for(
    generations: Generations, recorded: Recorded, clock: Clock
) -> None:
    await generations.keyspace()
    recorded.say(3, before=2)
    clock.s += KNOWN_FOR_S - 0.01
    assert await generations.keyspace() == "instastream"
    clock.s += 0.01
    assert await generations.keyspace() == "instastream_g3"
    assert KNOWN_FOR_S < SETTLED_S


async def test_many_who_ask_at_once_are_one_read(
    generations: Generations, recorded: Recorded
) -> None:
    await asyncio.gather(*(generations.keyspace() for _ in range(100)))
    assert recorded.reads == 1


async def test_a_read_that_fails_late_fails_for_all_who_waited_for_it(
    generations: Generations, recorded: Recorded, clock: Clock
) -> None:
    recorded.away = True
    asking = [asyncio.ensure_future(generations.keyspace()) for _ in range(100)]
    await asyncio.sleep(0)
    clock.s += 10
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert recorded.reads == 1
    recorded.away = False
    assert await generations.keyspace() == "instastream"


async def test_nobody_counts_while_counting_is_held_and_everything_else_goes_on(
    generations: Generations, recorded: Recorded, clock: Clock
) -> None:
    recorded.say(0, held="token")
    assert await generations.keyspace() == "instastream"
    with pytest.raises(Unready, match="counting waits"):
        await generations.keyspace_to_count_in()
    recorded.say(1, before=0)
    clock.s += KNOWN_FOR_S
    assert await generations.keyspace_to_count_in() == "instastream_g1"


async def test_what_can_not_be_asked_is_not_taken_for_known(
    generations: Generations, recorded: Recorded, clock: Clock
) -> None:
    await generations.keyspace()
    recorded.away = True
    clock.s += KNOWN_FOR_S
    for _ in range(2):
        with pytest.raises(Unavailable):
            await generations.keyspace()


async def test_one_generation_is_made_at_a_time(
    generations: Generations, recorded: Recorded
) -> None:
    other = Generations("instastream", recorded)
    async with generations.alone():
        with pytest.raises(Unready, match="someone makes another generation"):
            await other.alone().__aenter__()
    async with other.alone():
        pass
    assert recorded.maker is None


async def test_whoever_makes_a_generation_for_long_is_still_alone(
    generations: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_generations, "EXTENDED_EVERY_S", 0)
    async with generations.alone() as lease:
        until_s = lease.when()
        while lease.when() == until_s:
            await asyncio.sleep(0)


@pytest.mark.parametrize("trouble", ["another took it", "cassandra is away"])
async def test_whoever_is_no_longer_alone_is_stopped(
    trouble: str, generations: Generations, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_generations, "EXTENDED_EVERY_S", 0)
    if trouble == "cassandra is away":
        monkeypatch.setattr(of_generations, "LEASE_S", 0)

    async def make() -> None:
        async with generations.alone() as lease:
            recorded.maker, recorded.away = "another", trouble == "cassandra is away"
            try:
                await asyncio.Event().wait()
            finally:
                assert lease.expired()

    with pytest.raises(Unready, match="begin again"):
        await make()
    assert recorded.maker == "another"


def test_the_next_generation_was_never_there_and_two_are_kept() -> None:
    assert Serving(generation=1, before=2).following == 3
    assert Serving(generation=2, before=1).following == 3
    assert Serving(generation=2, before=1).kept == {1, 2}
    assert Serving().kept == {0}


def test_all_tables_of_projections_move_together() -> None:
    tables = {table for one in PROJECTIONS.values() for table in (*one.tables, *one.derived)}
    assert tables == PROJECTED


def test_all_tables_of_projections_can_be_read_for_digests() -> None:
    assert TABLES.keys() == {table for one in PROJECTIONS.values() for table in one.tables}
