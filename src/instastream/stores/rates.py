"""How fast someone may do something: as much as a named rate allows."""

from typing import NamedTuple, Protocol

from instastream.limits import Rate


class Taken(NamedTuple):
    """How a rate stands now. `wait_s` is 0 where one was taken."""

    wait_s: float  # until there is one again
    left: int  # how many there are at once
    whole_s: float  # until all of them are there again


class Rates(Protocol):
    """What was taken of rates, by what is done and who does it (GCRA); all of it can be lost."""

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        """Take one, or none where one has to wait."""


def standing(rate: Rate, *, wait_s: float, whole_s: float) -> Taken:
    """How a rate stands that is whole again after some time."""
    return Taken(wait_s, int(rate.at_once - whole_s / rate.every_s), whole_s)
