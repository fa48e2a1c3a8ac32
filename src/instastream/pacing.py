"""How fast anyone may do what costs others something, and what is done when nobody can tell."""

from collections.abc import Mapping
from math import ceil

from msgspec import Struct

from instastream.deps import Deps
from instastream.errors import Rejected, Unavailable
from instastream.limits import (
    ALL_GUESSES_RATE,
    ANSWERS_RATE,
    COMMENTS_RATE,
    EXPLANATIONS_RATE,
    GUESSES_RATE,
    JOINS_RATE,
    LIKES_RATE,
    PARTS_RATE,
    PEOPLE_RATE,
    POSTS_RATE,
    REFRESHES_RATE,
    SIGN_INS_RATE,
    UNLIKES_RATE,
    UPLOADS_RATE,
    VIDEOS_RATE,
    Rate,
)


class Pace(Struct, frozen=True):
    """A rate, whose it is, and whether all are refused (503) while rates can't be reached."""

    rate: Rate
    of: str
    closed: bool
    because: str  # a reason for being closed then, or open


ONES_OWN = "Whoever is known by a token can be found and stopped."
GUESSING = "Otherwise whoever stops Redis may guess passwords without end."
PACES: Mapping[str, Pace] = {
    "joins-by-address": Pace(
        JOINS_RATE, "address", True, "An account stays, and so would a million of them."
    ),
    "sign-ins-by-address": Pace(SIGN_INS_RATE, "address", True, GUESSING),
    "sign-ins-by-both": Pace(GUESSES_RATE, "username and address", True, GUESSING),
    "sign-ins-by-username": Pace(ALL_GUESSES_RATE, "username", True, GUESSING),
    "refreshes": Pace(REFRESHES_RATE, "sign-in", False, "Who is signed in stays so without Redis."),
    "uploads": Pace(UPLOADS_RATE, "user", False, "How many are open is counted elsewhere."),
    "videos": Pace(VIDEOS_RATE, "user", False, ONES_OWN),
    "parts": Pace(PARTS_RATE, "user", False, ONES_OWN),
    "posts": Pace(POSTS_RATE, "user", False, ONES_OWN),
    "people": Pace(PEOPLE_RATE, "user", False, ONES_OWN),
    "answers": Pace(ANSWERS_RATE, "user", False, ONES_OWN),
    "likes": Pace(LIKES_RATE, "user", False, ONES_OWN),
    "unlikes": Pace(UNLIKES_RATE, "user", False, ONES_OWN),
    "comments": Pace(COMMENTS_RATE, "user", False, ONES_OWN),
    "explanations": Pace(
        EXPLANATIONS_RATE, "user", True, "A few users would keep a process busy with nothing else."
    ),
}


async def pace(what: str, whose: str, deps: Deps) -> None:
    """Raise Rejected("too-many-requests") where something is done faster than PACES say.

    Where rates can't be reached: Unavailable of a pace that is closed then, else nothing.
    """
    rate, closed = PACES[what].rate, PACES[what].closed
    try:
        taken = await deps.rates.take(what, whose, rate)
    except Unavailable:
        if closed:
            raise
        return
    if taken.wait_s:
        raise Rejected(
            "too-many-requests",
            f"{rate.at_once} at once, and one more every {rate.every_s:g} seconds: wait a little",
            retry_after_s=ceil(taken.wait_s),
        )
