"""Answers one line after another with the CPU seconds that a job took; needs nothing installed."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict


class Wanted(TypedDict):
    """One variant, as instastream.media.VARIANTS has it."""

    name: str
    width: int
    quality: int
    effort: int


Job = Callable[[Path, Path, list[Wanted]], float | None]


def answer(job: Job, cpu_s: Callable[[], float] = time.process_time) -> None:
    """Do `job` for every line; what it returns, if anything, is the CPU it wants counted."""
    wanted: list[Wanted] = json.loads(sys.argv[1])
    for line in sys.stdin:
        photo, folder = line.rstrip("\n").split("\t")
        begun_s = cpu_s()
        counted_s = job(Path(photo), Path(folder), wanted)
        taken_s = cpu_s() - begun_s
        sys.stdout.write(f"{taken_s if counted_s is None else counted_s}\n")
        sys.stdout.flush()
