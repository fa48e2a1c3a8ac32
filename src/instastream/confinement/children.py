"""What a process that is to be confined is started with, and how it says no."""

import os
import sys

from msgspec import Struct


class Refusal(Struct, frozen=True, tag=True):
    """What it was given can never work."""

    reason: str
    message: str


def environment(*, arenas: int) -> dict[str, str]:
    """No secret; spare arenas of memory would count against its address space."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "MALLOC_ARENA_MAX": str(arenas),
    }
