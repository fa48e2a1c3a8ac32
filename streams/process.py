"""What a worker's process is like."""

import os
from contextlib import suppress

from mode.loop import use

from instastream import logs, telemetry
from instastream.garbage import collect_rarely


def prepare_process(name: str) -> None:
    """This process is a worker's: all of it runs on uvloop, where that is installed.

    It says what it does as all of ours do, and looks for cycles rarely: of a worker's time they
    took two fifths.
    """
    logs.configure(os.environ, name)
    telemetry.start(os.environ, name)
    with suppress(ImportError):
        use("uvloop")
    collect_rarely()
