"""Folders for the large files of one job: gone with it, or, if it was killed, when it is swept."""

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from errno import EDQUOT, EIO, ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from instastream.errors import Unavailable

DISK_TROUBLE = (EDQUOT, EIO, ENOSPC)
PREFIX = "instastream-scratch-"
UNLOCKED_S_MAX = 60.0  # from making a folder to locking it, on a very slow machine


@asynccontextmanager
async def scratch() -> AsyncIterator[Path]:
    """An empty folder where `TMPDIR` says; the kernel forgets its lock with our process.

    Raises Unavailable, also from within, when the disk is full or failing.
    """
    try:
        folder = TemporaryDirectory(prefix=PREFIX)
        try:
            with _locked(Path(folder.name)):
                yield Path(folder.name)
        finally:
            await asyncio.to_thread(folder.cleanup)
    except OSError as error:
        if error.errno in DISK_TROUBLE:
            raise Unavailable("this machine's disk", error) from error
        raise


async def sweep(_: object) -> None:
    """What killed jobs left is gone; any number of workers may do this at once, and be at work."""
    await asyncio.to_thread(_sweep, time.time())


def _sweep(now_s: float) -> None:
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # locked, or gone, or another user's
            if now_s - folder.stat().st_mtime > UNLOCKED_S_MAX:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
