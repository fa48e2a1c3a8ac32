"""What to do about trouble with an event, decided without I/O."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct

from instastream.errors import Corrupt

BACKOFF_FIRST_S = 0.1  # a store that restarts is away for seconds
BACKOFF_MAX_S = 5.0  # how late we notice that it is back

DEAD = "dead"
# From a glitch to what somebody has to notice and restart.
RETRY_DELAYS_S: Mapping[str, float] = MappingProxyType(
    {"retry.5s": 5.0, "retry.1m": 60.0, "retry.10m": 600.0}
)

Result = TypeVar("Result")
Trouble = TypeVar("Trouble", bound=Exception)


class Hold(Struct, frozen=True):
    """Try it again where it stands, after some time."""

    wait_s: float


class Move(Struct, frozen=True):
    """Put it into another topic, and go on with what follows."""

    topic: str


class Policy(Struct, frozen=True):
    """How often a record is tried again that its handler fails at, with all stores there."""

    holds_s: tuple[float, ...] = ()  # where it stands: what follows in its partition waits
    topics: tuple[str, ...] = ()  # and then from these, overtaken by what follows


OVERTAKEN = Policy(topics=tuple(RETRY_DELAYS_S))
IN_ORDER = Policy(holds_s=(1.0, 5.0))  # a glitch is over by then; a bug stops nobody for long


def retry_group(app: str) -> str:
    """The consumer group of an app that reads retry topics, without the namespace."""
    return f"{app}.retry"


def decide(policy: Policy, error: Exception, attempts: int) -> Hold | Move:
    """What to do with a record that was tried `attempts` times, and failed by this error now.

    What can never work is dead at once. Of a store that is down nobody asks here: `wait_out`.
    """
    steps: list[Hold | Move] = [*map(Hold, policy.holds_s), *map(Move, policy.topics)]
    if isinstance(error, Corrupt) or attempts > len(steps):
        return Move(DEAD)
    return steps[attempts - 1]


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
    waits_s = backoff(random)
    while True:
        try:
            return await work()
        except trouble as error:
            waited(error)
        await sleep(next(waits_s))
