"""The whole system for a bench: the one that runs already, or one for as long as it measures."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from infra import local
from infra.native.stack import Stack
from infra.provision import provision
from instastream.settings import Settings
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


@asynccontextmanager
async def servers_alone(steps: Steps) -> AsyncIterator[tuple[Stack, dict[str, str]]]:
    """Servers of its own, and nobody who uses them."""
    with TemporaryDirectory() as folder:
        given = {**os.environ, local.HOME: folder}
        stack = local.stack_of(given, steps.report)
        local.prepare(given)
        try:
            await stack.up()
            environ = local.connect(given, stack)
            await provision(Settings.from_env(environ))
            yield stack, environ
        finally:
            await stack.down()


@asynccontextmanager
async def worker_alone(name: str, steps: Steps) -> AsyncIterator[tuple[Stack, dict[str, str]]]:
    """Servers of its own and one worker, so that nobody else works on what it is measured with."""
    async with servers_alone(steps) as (stack, environ):
        await stack.run(local.worker(name, environ))
        yield stack, environ
