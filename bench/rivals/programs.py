"""As well as the command-line programs can, their starting included."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from bench.rivals.answering import Job, Wanted, answer

ONE_THREAD = {"VIPS_CONCURRENCY": "1", "MAGICK_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}


def vipsthumbnail(photo: Path, folder: Path, wanted: list[Wanted]) -> None:
    """Each variant from the photograph: it cannot write more than one."""
    has_profile = b"ICC_PROFILE" in photo.read_bytes()
    colours = ["-e", "srgb"] if has_profile else []  # it would change what has none
    for spec in wanted:
        saving = f"[Q={spec['quality']},effort={spec['effort']},strip]"
        out = f"{folder / spec['name']}.webp{saving}"
        _run(["vipsthumbnail", photo, "-s", _only_down(spec), *colours, "-o", out])


def imagemagick(photo: Path, folder: Path, wanted: list[Wanted]) -> None:
    """One command; a `jpeg:size` hint made it decode four times as long."""
    srgb, program = sys.argv[3:]
    command = [program, str(photo), "-auto-orient", "-filter", "Lanczos"]
    for at, spec in enumerate(wanted):
        command += ["-resize", _only_down(spec)]
        if at == 0:
            command += ["-profile", srgb, "-strip"]
        command += ["-quality", str(spec["quality"]), "-define", f"webp:method={spec['effort']}"]
        command += ["-write", f"{folder / spec['name']}.webp"]
    _run([*command, "null:"])


def _only_down(spec: Wanted) -> str:
    return f"{spec['width']}x16383>"


def _run(command: Iterable[str | Path]) -> None:
    subprocess.run(list(command), check=True, env={**os.environ, **ONE_THREAD})


def _cpu_s() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


PROGRAMS: dict[str, Job] = {"vipsthumbnail": vipsthumbnail, "imagemagick": imagemagick}

if __name__ == "__main__":
    answer(PROGRAMS[sys.argv[2]], _cpu_s)
