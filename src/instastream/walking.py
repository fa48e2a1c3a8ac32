"""How a list is read of which not all is shown: past what is hidden, up to so many steps.

Steps grow, so that thousands of hidden entries are few reads. After the last step a page is short,
even empty, and says where the next one goes on.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from instastream.limits import WALK_STEP_MAX, WALK_STEPS_MAX

P = TypeVar("P")  # a place in a list
E = TypeVar("E")


class Step(NamedTuple, Generic[P, E]):
    """What one read of a list found: what is shown of it, and where it goes on, None at its end."""

    shown: list[tuple[P, E]]
    last: P | None


class Walked(NamedTuple, Generic[P, E]):
    """A page of a list, and the place that the next one comes after, None at its end."""

    shown: list[E]
    after: P | None


Read: TypeAlias = Callable[[P, int], Awaitable[Step[P, E]]]


async def walk(
    read: Read[P, E], *, after: P, limit: int, step_max: int = WALK_STEP_MAX
) -> Walked[P, E]:
    """Up to `limit` entries that come after a place; `read` reads so many of them, hidden or not.

    A step has `step_max` entries at most, or as many as the page and one more. There are
    WALK_STEPS_MAX of them at most: only then is a page short while there is more.
    """
    found: list[tuple[P, E]] = []
    count = limit + 1
    for _ in range(WALK_STEPS_MAX):
        step = await read(after, count)
        found += step.shown
        if len(found) > limit:
            return Walked([entry for _, entry in found[:limit]], found[limit - 1][0])
        if step.last is None:
            return Walked([entry for _, entry in found], None)
        after, count = step.last, max(count, min(2 * count, step_max))
    return Walked([entry for _, entry in found], after)
