"""What every command needs of its process: its environment, its signals, its last words."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from infra import local
from instastream.errors import InstastreamError

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(command: Callable[[], object]) -> None:
    """Run a command; one clear sentence for what went wrong, 130 for Ctrl-C."""
    for one in STOPPING:
        signal.signal(one, signal.default_int_handler)
    _choose()
    try:
        command()
    except BrokenPipeError:  # such as `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (InstastreamError, OSError) as error:
        _say(f"[red]instastream:[/red] {escape(str(error))}")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(130)


@contextmanager
def deaf() -> Iterator[None]:
    """Whoever is impatient while everything is stopped would leave half of it running."""
    heard = [signal.signal(one, signal.SIG_IGN) for one in STOPPING]
    yield
    for one, handler in zip(STOPPING, heard, strict=True):
        signal.signal(one, handler)


def _choose() -> None:
    """Forget what a connected shell was told: its user did not choose it. No proxy to loopback."""
    kept = local.chosen(os.environ)
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)
