"""The program `instastream`: whoever stops it while it loads sees no traceback."""

import signal
from importlib import import_module


def main() -> None:
    """Load the command line, for which a slow machine takes seconds, and run it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import_module("instastream.cli").main()
