"""A worker may die before or after any call of any handler: whoever does the event again ends it.

The points are not listed anywhere: they are the calls that a handler makes.
"""

import pytest

from instastream.handlers.engagement import ENGAGEMENT
from instastream.lag import HANDLERS
from tests.flow.crash_story import BATCHES, WORKS, Work
from tests.flow.crash_world import begun, step_through


def told(work: Work) -> str:
    """A name for a test."""
    of = work.chore or type(work.events[0]).__name__
    return f"{work.app}-{of}-{len(work.before)}"


@pytest.mark.parametrize("work", WORKS, ids=told)
def test_wherever_a_worker_dies_the_next_one_comes_to_the_same(work: Work) -> None:
    with begun(work) as (world, begin):
        calls, wanted = step_through(world, begin), world.state
    assert calls
    for done in range(calls + 1):
        with begun(work) as (world, begin):
            dying = begin()
            for _ in range(done):
                assert world.loop.waiting()
                world.loop.step(0)
            world.loop.kill(dying)
            begin()
            world.loop.finish()
            assert world.state == wanted, f"dead after {done} of {calls} calls"


def test_every_handler_of_every_worker_dies_here() -> None:
    dying = {(work.app, type(event)) for work in WORKS for event in work.events}
    assert dying >= {(app, event) for app, handlers in HANDLERS.items() for event in handlers}
    assert {topic for topic, _ in BATCHES} == set(ENGAGEMENT)
