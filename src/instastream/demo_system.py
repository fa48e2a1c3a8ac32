"""The demo's own system, in a folder of its own; and the end of all that runs in one."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping

from infra import local
from instastream.demo import Summary, run_demo
from instastream.log import KafkaLog
from instastream.process import deaf
from instastream.settings import Settings
from instastream.steps import Report
from instastream.terminal import Steps

Then = Callable[[Summary, Mapping[str, str], Settings], Awaitable[Summary]]


def of_demo(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of that system."""
    home = local.home_of(environ) / "demo"
    return {**environ, "INSTASTREAM_NAMESPACE": "demo", local.HOME: str(home)}


async def demonstrate(given: dict[str, str], steps: Steps, *, then: Then) -> Summary:
    """Start it, run the demo and what follows, and stop it; what it keeps stays."""
    stack = local.stack_of(given, steps.report)
    try:
        await stack.down()  # what a killed demo left
        local.forget(given)
        environ = await local.up(given, stack, steps.report)
        settings = Settings.from_env(environ)
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            summary = await run_demo(environ[local.API], log, steps.report)
        return summary if summary.failure else await then(summary, environ, settings)
    finally:
        with deaf():
            steps.abandon()
            await stack.down()


async def stop(environ: Mapping[str, str], report: Report) -> None:
    """Stop what `up` started, and what a killed demo left.

    Raises Unready while an `up` is at work, which would start more; and in the end where a demo is,
    which is left alone.
    """
    if not local.home_of(environ).exists():
        return
    with local.alone(environ, "up"):
        await local.stack_of(environ, report).down()
    with local.alone(environ, "demo"):
        await local.stack_of(of_demo(environ), report).down()


async def clean(environ: Mapping[str, str], report: Report) -> None:
    """Stop both and forget all that is kept; raises Unready, and does nothing, while one works."""
    home = local.home_of(environ)
    if not home.exists():
        return
    with local.alone(environ, "up"), local.alone(environ, "demo"):
        for one in (of_demo(environ), environ):
            await local.stack_of(one, report).down()
            local.forget(one)
        if home.exists():  # with the reports of demos, and nothing else
            await asyncio.to_thread(shutil.rmtree, home)
