"""What a worker's process is like."""

import asyncio
import io
import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NoReturn

from mode.loop import use

from instastream import logs, telemetry
from instastream.garbage import collect_rarely
from instastream.loopback import reach_directly

log = logging.getLogger(__name__)


def prepare_process(name: str) -> None:
    """This process is a worker's: all of it runs on uvloop, where that is installed.

    It says what it does, and reaches what runs on this machine, as all of ours do; and looks for
    cycles rarely: of a worker's time they took two fifths.
    """
    reach_directly(os.environ)
    logs.configure(os.environ, name)
    telemetry.start(os.environ, name)
    with suppress(ImportError):
        use("uvloop")
    collect_rarely()


def begin_anew(places: Iterable[object]) -> NoReturn:
    """Say where this process stands still, then be what it was when it started.

    It keeps its id, and whoever started it waits for it as before. What it had begun is repeated.
    """
    for stack in _stacks():
        log.error("stands in:\n%s", stack)
    log.critical("stands still and begins anew: nothing comes of %s", [*places])
    os.execv(sys.executable, sys.orig_argv)


def _stacks() -> Iterator[str]:
    """Where each thread is, and each task of this one."""
    for frame in sys._current_frames().values():
        yield "".join(traceback.format_stack(frame))
    for task in asyncio.all_tasks():
        text = io.StringIO()
        task.print_stack(file=text)
        yield text.getvalue()
