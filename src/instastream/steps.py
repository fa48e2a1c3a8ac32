"""How long work tells how far it is: to `terminal.Steps`, or to nobody."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]  # a step, how much of it is done, of how much


def ignore(step: str, done: int, total: int) -> None:
    """Nobody waits for this."""
