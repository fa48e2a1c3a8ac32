"""Runs a process of the system with something about it altered, and its own program otherwise.

`python -m tests.nemesis.altered clock FILE PROGRAM...`: its clock is ahead by what a file says.
`python -m tests.nemesis.altered group NAME PROGRAM...`: its consumer group has a name added, so
that it is given every event that the group without it is given, too.
`python -m tests.nemesis.altered crash FOLDER PROGRAM...`: it dies at each of its requests in turn,
as `crashing` has it.

Times that C code takes for itself are the machine's: those of `datetime.now`, by which requests to
the object store are signed.
"""

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.nemesis.clocks import SharedClock

NS_PER_MS = 1_000_000


def _alter_clock(path: str) -> None:
    shared, time_ns = SharedClock(Path(path)), time.time_ns

    def altered_ns() -> int:
        return time_ns() + shared.ahead_ms * NS_PER_MS

    time.time_ns = altered_ns
    time.time = lambda: altered_ns() / 1e9


def _alter_group(name: str) -> None:
    from streams.worker import App

    base: Any = App.__bases__[-1]  # Faust's
    init = base.__init__

    def named(self: Any, group: str, **options: Any) -> None:
        init(self, group + name, **options)

    base.__init__ = named


def _alter_to_crash(folder: str) -> None:
    from tests.nemesis.crashing import alter

    alter(folder)


ALTERATIONS: dict[str, Callable[[str], None]] = {
    "clock": _alter_clock,
    "group": _alter_group,
    "crash": _alter_to_crash,
}

if __name__ == "__main__":
    _, alteration, value, *sys.argv = sys.argv
    ALTERATIONS[alteration](value)
    if sys.argv[0] == "streams":
        # What is imported by now can't be run by its own name.
        streams = "faust.__main__" if "faust" in sys.modules else "streams"
        runpy.run_module(streams, run_name="__main__", alter_sys=True)
    else:
        from instastream import program

        program.main()
