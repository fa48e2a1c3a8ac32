"""The whole system for a bench: the one that runs already, or one for as long as it measures."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra import local
from infra.native.stack import Stack
from instastream.terminal import Steps


@asynccontextmanager
async def running(steps: Steps) -> AsyncIterator[tuple[Stack, dict[str, str]]]:
    """What runs, and the environment to reach it with."""
    stack = local.stack_of(os.environ, steps.report)
    keep = local.is_up(os.environ)
    try:
        yield stack, await local.up(os.environ, stack, steps.report)
    finally:
        if not keep:
            await stack.down()
