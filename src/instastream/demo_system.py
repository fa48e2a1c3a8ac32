"""The system that the demo runs on: its own, in a folder of its own, started and stopped."""

from collections.abc import Awaitable, Callable, Mapping

from infra import local
from instastream.demo import Summary, run_demo
from instastream.log import KafkaLog
from instastream.process import deaf
from instastream.settings import Settings
from instastream.terminal import Steps

Then = Callable[[Summary, Mapping[str, str], Settings], Awaitable[Summary]]


def of_demo(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of that system."""
    home = local.home_of(environ) / "demo"
    return {**environ, "INSTASTREAM_NAMESPACE": "demo", local.HOME: str(home)}


async def demonstrate(given: dict[str, str], steps: Steps, *, then: Then) -> Summary:
    """Start it, run the demo and what follows, and stop it; what it keeps stays."""
    stack = local.stack_of(given, steps.report)
    await stack.down()  # what a killed demo left
    local.forget(given)
    try:
        environ = await local.up(given, stack, steps.report)
        settings = Settings.from_env(environ)
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            summary = await run_demo(environ[local.API], log, steps.report)
        return summary if summary.failure else await then(summary, environ, settings)
    finally:
        with deaf():
            steps.abandon()
            await stack.down()
