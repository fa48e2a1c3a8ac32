"""What keeps counters exact, one by one: take a condition away, and its test fails."""

from collections.abc import Iterator

import pytest

from instastream.settings import Settings
from tests.stores.engagement_world import World

ADA, BOB, EVE = range(3)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    world = World(settings)
    yield world
    world.close()


def run(world: World, process: int) -> None:
    """One process to its end, while all others stand still."""
    while process in (waiting := world.interleaver.waiting()):
        world.interleaver.step(waiting.index(process))


def test_a_shard_is_read_as_of_one_moment(world: World) -> None:
    """Who has read a part of it, and reads the rest after others wrote, counts nothing twice."""
    for person in (ADA, BOB, EVE):
        world.like(person)
    late = world.consume()
    world.step(0)
    run(world, world.consume(length=2))
    run(world, late)
    world.come_to_rest()
    world.check()


def test_who_was_counted_before_stays_counted_when_all_of_a_batch_are_new(world: World) -> None:
    for person in (ADA, BOB, EVE):
        world.like(person)
        run(world, world.consume(length=1))
    world.check()


def test_a_late_writer_of_a_part_of_a_batch_leaves_nothing_behind(world: World) -> None:
    """The whole batch ends where it began; it is written all the same."""
    world.like(ADA)
    world.like(ADA, liked=False)
    run(world, world.consume())
    world.like(ADA)
    world.like(ADA, liked=False)
    late = world.consume(length=1)
    world.step(0)
    run(world, world.consume())
    run(world, late)
    world.come_to_rest()
    world.check()


def test_what_is_written_late_is_older_than_what_is_there(world: World) -> None:
    for person in (ADA, BOB, EVE):
        world.like(person)
    late = world.consume(length=1)
    world.step(0)
    run(world, world.consume())
    run(world, late)
    world.check()


def test_totals_of_several_shards_that_are_published_late_are_refused(world: World) -> None:
    for person in (ADA, BOB, EVE):
        world.like(person, post=1)
    late = world.consume(length=1)
    for _ in range(4):  # read, written, the shard told, all shards read
        world.step(0)
    run(world, world.consume())
    run(world, late)
    world.check()
