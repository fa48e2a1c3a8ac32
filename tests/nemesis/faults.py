"""Every fault by the name that the schedule has for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from random import Random
from typing import TypeAlias

from tests.nemesis import processes, records, surroundings
from tests.nemesis.target import Target
from tests.nemesis.traces import Traces

# Entered it is injected, left it is healed: of what, and chances of its own.
Fault: TypeAlias = Callable[[Target, str, Random], AbstractAsyncContextManager[Traces]]
BETWEEN_S = (0.0, 2.0)  # one fault and the next


@asynccontextmanager
async def several(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """`of` is `fault of + fault of...`: injected one by one, healed from the last to the first."""
    traces = Traces()
    async with AsyncExitStack() as healing:
        for part in of.split(" + "):
            name, _, what = part.partition(" ")
            left = await healing.enter_async_context(FAULTS[name](target, what, random))
            traces.poison += left.poison
            await asyncio.sleep(random.uniform(*BETWEEN_S))
        yield traces


FAULTS: dict[str, Fault] = {
    "nothing": surroundings.nothing,
    "kill": processes.kill,
    "pause": processes.pause,
    "restart": processes.restart,
    "storm": processes.storm,
    "twins": processes.twins,
    "rewind": records.rewind,
    "repeat": records.repeat,
    "poison": records.poison,
    "flush": surroundings.flush,
    "network": surroundings.network,
    "fill": surroundings.fill,
    "jump": surroundings.jump,
    "several": several,
}
