"""Stops what runs in this checkout's own folder, and removes that: `make clean` does."""

from pathlib import Path

from infra import local
from instastream.demo_system import clean
from instastream.process import complete, run
from instastream.terminal import Steps

HOME = Path(__file__).parent.parent / ".instastream"


def main() -> None:
    """Of this folder, whichever one the shell is connected to, or has in INSTASTREAM_HOME."""
    with Steps() as steps:
        complete(clean({local.HOME: str(HOME)}, steps.report))


if __name__ == "__main__":
    run(main)
