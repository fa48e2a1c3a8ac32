"""How fast a user may do what costs others something."""

from math import ceil

from instastream.deps import Deps
from instastream.errors import Rejected, Unavailable
from instastream.ids import UserId
from instastream.limits import Rate


async def pace(what: str, user_id: UserId, rate: Rate, deps: Deps) -> None:
    """Raise Rejected("too-many-requests") where a user does something faster than its rate.

    Where rates can't be reached nobody is kept from anything.
    """
    try:
        wait_s = await deps.rates.take(f"{what}:{user_id}", rate)
    except Unavailable:
        return
    if wait_s:
        raise Rejected(
            "too-many-requests",
            f"{rate.at_once} at once, and one more every {rate.every_s:g} seconds: wait a little",
            retry_after_s=ceil(wait_s),
        )
