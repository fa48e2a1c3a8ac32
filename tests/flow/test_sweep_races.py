"""Of two who meet, of whom one sweeps, either is preempted at each of its steps.

What may not be is looked for after each step, by `Facts`.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from instastream.events import MediaReady, PostDeleted, UploadFinalized
from instastream.limits import STUCK_S
from instastream.orphans import sweep_uploads
from instastream.reclaim import reclaim
from instastream.sweeping.objects import reconcile
from instastream.sweeping.stuck import announce_stuck
from tests.flow.sweep_facts import GRACE_S, OVER_S
from tests.flow.sweep_world import CHORES, World

STEPS = 14  # store calls of most of these
ENDS = 10_000
PREEMPTED = [*((steps, ENDS) for steps in range(STEPS)), *((0, steps) for steps in range(STEPS))]
UPLOADS, POSTS, MEDIA = UploadFinalized.topic, PostDeleted.topic, MediaReady.topic
ANNOUNCE, SWEEP, RECONCILE, RECLAIM = (
    CHORES.index(chore) for chore in (announce_stuck, sweep_uploads, reconcile, reclaim)
)


class Met(NamedTuple):
    """Two processes, and how long the first stands still where it is preempted."""

    world: World
    one: int
    other: int
    waits_s: int = 0


def handled(*contents: bytes) -> World:
    """Posts that are ready."""
    world = World()
    for content in contents:
        world.advance(world.finalize(world.upload(content)))
    world.handle_all()
    return world


def delete_first(world: World) -> None:
    world.advance(world.delete(world.said(UploadFinalized)[0].post_id))


def a_deletion_as_a_look_is_due() -> Met:
    """What was rendered is looked at after the grace: just now."""
    world = handled(b"a")
    world.now_ms += (GRACE_S + 1) * 1000
    delete_first(world)
    return Met(world, world.deliver(("ledger", POSTS, 0)), world.sweep(RECLAIM))


def a_reconcile_after_a_deletion() -> Met:
    world = handled(b"a")
    world.now_ms += (GRACE_S + 1) * 1000
    world.advance(world.sweep(RECLAIM))
    delete_first(world)
    world.advance(world.sweep(RECONCILE))
    return Met(world, world.deliver(("ledger", POSTS, 0)), world.sweep(RECONCILE))


def the_same_bytes_as_a_look_is_due() -> Met:
    world = handled(b"a")
    delete_first(world)
    world.handle_all()
    world.advance(world.finalize(world.upload(b"a")))
    world.now_ms += (GRACE_S + 1) * 1000
    return Met(world, world.deliver(("media", UPLOADS, 1)), world.sweep(RECLAIM))


def a_finalize_that_stands_still_for_too_long() -> Met:
    world = World()
    finalize = world.finalize(world.upload(b"a"))
    return Met(world, finalize, world.sweep(SWEEP), waits_s=OVER_S + 1)


def two_who_announce_what_is_stuck() -> Met:
    world = stuck()
    return Met(world, world.sweep(ANNOUNCE), world.sweep(ANNOUNCE))


def one_who_stands_still_and_announces_what_is_stuck() -> Met:
    world = stuck()
    return Met(world, world.sweep(ANNOUNCE), world.sweep(ANNOUNCE), waits_s=STUCK_S - 1)


def stuck() -> World:
    """A post that its worker passed over."""
    world = World()
    world.advance(world.finalize(world.upload(b"a")))
    world.lose(0)
    world.handle_all()
    world.now_ms += (STUCK_S + 1) * 1000
    return world


@pytest.mark.parametrize(
    "meet",
    [
        a_deletion_as_a_look_is_due,
        a_reconcile_after_a_deletion,
        the_same_bytes_as_a_look_is_due,
        a_finalize_that_stands_still_for_too_long,
        two_who_announce_what_is_stuck,
        one_who_stands_still_and_announces_what_is_stuck,
    ],
)
def test_nothing_goes_that_is_needed_or_young_and_nothing_is_said_twice(
    meet: Callable[[], Met],
) -> None:
    for before, between in PREEMPTED:
        world, one, other, waits_s = meet()
        try:
            world.advance(one, before)
            world.now_ms += waits_s * 1000
            world.advance(other, between)
            world.advance(one)
            world.advance(other)
            world.advance(world.sweep(RECLAIM))
            world.handle_all()
        finally:
            world.close()


def test_what_a_worker_refers_to_after_its_post_was_deleted_and_swept_is_released() -> None:
    """Or the same bytes would stay for good, whoever posts and deletes them next."""
    for before in range(STEPS):
        world = World()
        world.advance(world.finalize(world.upload(b"a")))
        worker = world.deliver(("media", UPLOADS, 0))
        world.advance(worker, before)
        delete_first(world)
        world.advance(world.deliver(("ledger", POSTS, 0)))
        world.advance(world.deliver(("posts", POSTS, 0)))
        world.now_ms += (OVER_S + 1) * 1000
        world.advance(world.sweep(SWEEP))
        world.advance(worker)
        world.come_to_rest()
        world.check_what_is_left()
        world.close()
