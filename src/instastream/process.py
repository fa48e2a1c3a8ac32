"""What every command needs of its process: its environment, its signals, its last words."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.text import Text

from infra import local
from instastream.errors import InstastreamError
from instastream.loopback import reach_directly

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Result = TypeVar("Result")


def run(command: Callable[[], object]) -> None:
    """Run a command; one clear sentence for what went wrong, 130 for Ctrl-C."""
    _hear(_stop)
    _choose()
    try:
        command()
    except BrokenPipeError:  # such as `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (InstastreamError, OSError) as error:
        say(Text.assemble(("instastream:", "red"), f" {_told(error)}"))
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)


def complete(work: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end; a signal cancels it once, and is raised as KeyboardInterrupt then."""

    async def heard() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task

        def cancel(*_: object) -> None:
            _hear(_ignore)
            loop.call_soon_threadsafe(task.cancel)

        _hear(cancel)
        return await work

    try:
        return asyncio.run(heard())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        if signal.getsignal(signal.SIGINT) is not _ignore:  # or its repeats are on their way
            _hear(_stop)


@contextmanager
def deaf() -> Iterator[None]:
    """Whoever is impatient while everything is stopped would leave half of it running."""
    heard = [signal.signal(one, _ignore) for one in STOPPING]
    yield
    for one, handler in zip(STOPPING, heard, strict=True):
        signal.signal(one, handler)


def say(text: str | Text) -> None:
    """A line on standard error, as it is: no markup."""
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _hear(handler: Any) -> None:
    for one in STOPPING:
        signal.signal(one, handler)


def _stop(*_: object) -> None:
    """Once: `su` and terminals that close send one signal after another."""
    _hear(_ignore)
    raise KeyboardInterrupt


def _ignore(*_: object) -> None:
    """Unlike SIG_IGN it may replace a handler while a signal is on its way to that."""


def _choose() -> None:
    """Forget what a connected shell was told: its user did not choose it. No proxy to loopback."""
    kept = local.chosen(os.environ)
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    reach_directly(os.environ)
