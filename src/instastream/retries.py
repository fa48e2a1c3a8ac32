"""What to do about trouble with an event, decided without I/O."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from traceback import format_exception
from typing import TypeVar

from instastream.limits import STORY_LENGTH_MAX

BACKOFF_FIRST_S = 0.1  # a store that restarts is away for seconds
LINE_LENGTH_MAX = 500  # of a stack; messages may quote the record
BACKOFF_MAX_S = 5.0  # how late we notice that it is back

Result = TypeVar("Result")
Trouble = TypeVar("Trouble", bound=Exception)


def backoff(random: Random) -> Iterator[float]:
    """Seconds to wait before each next attempt: doubling, jittered by half, without end."""
    wait_s = BACKOFF_FIRST_S
    while True:
        yield wait_s * random.uniform(0.5, 1.0)
        wait_s = min(2 * wait_s, BACKOFF_MAX_S)


async def wait_out(
    work: Callable[[], Awaitable[Result]],
    trouble: type[Trouble] | tuple[type[Trouble], ...],
    *,
    random: Random,
    sleep: Callable[[float], Awaitable[None]],
    waited: Callable[[Trouble], None],
) -> Result:
    """The result of work that is tried again for as long as there is such trouble."""
    for wait_s in backoff(random):
        try:
            return await work()
        except trouble as error:
            waited(error)
            await sleep(wait_s)
    raise AssertionError("backoff has no end")


def dead_headers(
    headers: Sequence[tuple[str, bytes]],
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    attempts: int,
    error: BaseException,
) -> list[tuple[str, bytes]]:
    """The original headers, and after them where the record stood and why it died."""
    stack = format_exception(error)
    story = {
        "dead_topic": topic,
        "dead_partition": partition,
        "dead_offset": offset,
        "dead_timestamp_ms": timestamp_ms,
        "dead_attempts": attempts,
        "dead_error": type(error).__name__,
        "dead_message": str(error)[:STORY_LENGTH_MAX],
        "dead_stack": "".join(part[:LINE_LENGTH_MAX] for part in stack)[-STORY_LENGTH_MAX:],
    }
    return [*headers, *((name, str(value).encode()) for name, value in story.items())]
