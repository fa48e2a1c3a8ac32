"""How a list is read of which not all is shown: a page is never short while there is more.

What is hidden is gone past in steps that grow, so that thousands of such entries are few reads.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from instastream.limits import WALK_STEP_MAX

P = TypeVar("P")  # a place in a list
E = TypeVar("E")


class Step(NamedTuple, Generic[P, E]):
    """What one read of a list found: what is shown of it, and where it goes on, None at its end."""

    shown: list[tuple[P, E]]
    last: P | None


class Walked(NamedTuple, Generic[P, E]):
    """A page of a list, and the place of its last entry, None where there are no more."""

    shown: list[E]
    after: P | None


Read: TypeAlias = Callable[[P, int], Awaitable[Step[P, E]]]


async def walk(
    read: Read[P, E], *, after: P, limit: int, step_max: int = WALK_STEP_MAX
) -> Walked[P, E]:
    """Up to `limit` entries that come after a place; `read` reads so many of them, hidden or not.

    A step has `step_max` entries at most, or as many as the page and one more.
    """
    found: list[tuple[P, E]] = []
    count = limit + 1
    while True:
        step = await read(after, count)
        found += step.shown
        if len(found) > limit:
            return Walked([entry for _, entry in found[:limit]], found[limit - 1][0])
        if step.last is None:
            return Walked([entry for _, entry in found], None)
        after, count = step.last, max(count, min(2 * count, step_max))
