"""Tells clients how their rates stand: RateLimit-Policy and RateLimit (an IETF draft's 10th)."""

from math import ceil

from starlette.requests import Request

from instastream.limits import Rate
from instastream.stores.rates import Rates, Taken

POLICY = "ratelimit-policy"  # of each rate: how many there are, and in how many seconds all again
STANDING = "ratelimit"  # how many there are now, and in how many seconds all again
NAMES = (POLICY, STANDING)


class Noted:
    """Rates of which a request takes; it notes which, and how they stand."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self.taken: list[tuple[str, Rate, Taken]] = []

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        taken = await self._rates.take(what, whose, rate)
        self.taken.append((what, rate, taken))
        return taken


def note(request: Request, rates: Rates) -> Noted:
    """What notes for the answer to a request what it takes."""
    noted = request.state.noted = Noted(rates)
    return noted


def told(request: Request) -> dict[str, str]:
    """Headers about what a request took; none where it took nothing, or nobody can tell."""
    noted: Noted | None = getattr(request.state, "noted", None)
    if noted is None or not noted.taken:
        return {}
    policies = [
        f'"{what}";q={rate.at_once};w={ceil(rate.at_once * rate.every_s)}'
        for what, rate, _ in noted.taken
    ]
    standing = [
        f'"{what}";r={taken.left};t={ceil(taken.whole_s)}' for what, _, taken in noted.taken
    ]
    return {POLICY: ", ".join(policies), STANDING: ", ".join(standing)}
