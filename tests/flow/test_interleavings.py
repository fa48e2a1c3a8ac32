"""Of two who meet at one original, each may be preempted at each of its steps: all of it is tried.

Each safeguard of docs/decisions/0013 is needed in one of these tables.
"""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.flow.ledger_world import GRACE_S, World

WORKER_STEPS = 24  # store calls, of which some renew its claim
HANDLER_STEPS = 12
ENDS = 100


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    """Those that a test makes, to be closed."""
    made: list[World] = []
    yield made
    for world in made:
        world.close()


def unneeded() -> World:
    """Something was rendered, its only post deleted, and to look at it is due."""
    world = World()
    post_id = world.finalize(b"a")
    world.handle_all()
    world.delete(post_id)
    world.handle_all()
    world.pass_time(GRACE_S + 1)
    return world


def expect_order(world: World) -> None:
    """All that is live is there; at rest nothing else is; and nothing at all without posts."""
    world.come_to_rest()
    world.check_what_is_left()
    for upload in world.uploads():
        world.delete(upload.post_id)
    world.come_to_rest()
    world.check_what_is_left()
    assert not world.blobs.objects
    world.close()  # each holds open files


def test_a_reclaimer_and_the_same_bytes_uploaded_again(worlds: list[World]) -> None:
    for before, between in product(range(HANDLER_STEPS), range(WORKER_STEPS)):
        worlds.append(world := unneeded())
        world.finalize(b"a")
        reclaimer = world.reclaim()
        worker = world.deliver(world.undone()[0])
        world.advance(reclaimer, before)
        world.advance(worker, between)
        world.advance(reclaimer, ENDS)
        world.advance(worker, ENDS)
        expect_order(world)


def test_an_upload_and_a_reclaimer_that_begins_later(worlds: list[World]) -> None:
    for before, between in product(range(WORKER_STEPS), range(HANDLER_STEPS)):
        worlds.append(world := unneeded())
        world.finalize(b"a")
        worker = world.deliver(world.undone()[0])
        reclaimer = world.reclaim()
        world.advance(worker, before)
        world.advance(reclaimer, between)
        world.advance(worker, ENDS)
        world.advance(reclaimer, ENDS)
        expect_order(world)


@pytest.mark.parametrize("deleted_first", [False, True])
def test_a_deletion_that_stands_still_past_the_grace(
    worlds: list[World], deleted_first: bool
) -> None:
    for steps in range(HANDLER_STEPS):
        worlds.append(world := World())
        posts = [world.finalize(b"a"), world.finalize(b"a")]
        world.handle_all()
        if deleted_first:
            world.delete(posts[0])
            world.handle_all()
        world.delete(posts[1])
        deletion = world.deliver(world.undone()[0])
        world.advance(deletion, steps)
        world.outlast(deletion)
        expect_order(world)


def test_a_worker_that_stands_still_while_its_post_is_made_deleted_and_reclaimed(
    worlds: list[World],
) -> None:
    for before, after in product(range(WORKER_STEPS), repeat=2):
        worlds.append(world := World())
        post_id = world.finalize(b"a")
        sleeper = world.deliver(0)
        world.advance(sleeper, before)
        world.deliver(0)
        world.delete(post_id)
        world.outlast(sleeper)
        world.advance(sleeper, after)
        world.kill(sleeper)
        expect_order(world)


def test_a_deletion_and_what_announces_the_post(worlds: list[World]) -> None:
    for before, between in product(range(HANDLER_STEPS), repeat=2):
        worlds.append(world := World())
        post_id = world.finalize(b"a")
        world.advance(world.deliver(0), ENDS)
        world.delete(post_id)
        ready, deletion = (world.deliver(event) for event in world.undone())
        world.advance(ready, before)
        world.advance(deletion, between)
        world.advance(ready, ENDS)
        expect_order(world)


def test_what_is_killed_anywhere_is_done_again(worlds: list[World]) -> None:
    for content, steps in product([b"a", b"damaged"], range(WORKER_STEPS)):
        worlds.append(world := World())
        world.finalize(content)
        worker = world.deliver(0)
        world.advance(worker, steps)
        world.kill(worker)
        expect_order(world)
