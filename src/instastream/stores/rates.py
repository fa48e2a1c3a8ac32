"""How fast someone may do something: as much as a named rate allows."""

from typing import Protocol

from instastream.limits import Rate


class Rates(Protocol):
    """What was taken of rates, by key (GCRA); all of it can be lost."""

    async def take(self, key: str, rate: Rate) -> float:
        """Take one; returns 0, or the seconds until there is one again, and then took none."""
