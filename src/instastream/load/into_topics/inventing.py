"""What many users do, as the events that it leads to: valid, skewed, and the same for a seed.

What is taken back was said before by whoever takes it back, and what is spoken of is there. Left
out is what clients do not cause, and answers to requests to follow: these name a place in the log.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import accumulate
from random import Random

from msgspec import Struct, field

from instastream.errors import Unready
from instastream.events import Event
from instastream.ids import Mint
from instastream.load.into_topics.world import World

# Of all that happens, so much of each: what people do on photo apps, where reading is no event.
MIX: Mapping[str, float] = {
    "join": 1,
    "private": 0.1,
    "follow": 10,
    "unfollow": 1,
    "block": 0.1,
    "unblock": 0.05,
    "mute": 0.1,
    "unmute": 0.05,
    "post": 3,
    "edit_post": 0.2,
    "delete_post": 0.1,
    "like": 55,
    "unlike": 5,
    "like_comment": 6,
    "unlike_comment": 0.5,
    "comment": 14,
    "reply": 3,
    "edit_comment": 0.3,
    "delete_comment": 0.5,
}
CHOSEN_AT_ONCE = 256


class StreamPlan(Struct, frozen=True, kw_only=True):
    """What is to be invented; `users` and `posts` are there before anything else happens."""

    seed: int = 0
    users: int = 1_000
    posts: int = 1_000
    celebrities: int = 10  # the most popular authors, whose posts are pulled, with many shards
    zipf: float = 1.0  # of authors and posts: the n-th most popular in proportion to n**-zipf
    mix: Mapping[str, float] = field(default_factory=lambda: dict(MIX))
    poison_share: float = 0.0  # of all records: they hold no event


def check_plan(plan: StreamPlan) -> None:
    """Raise Unready, naming the field, unless it can be carried out."""
    for kind, weight in plan.mix.items():
        if kind not in MIX:
            near = get_close_matches(kind, MIX, n=1) or [", ".join(MIX)]
            raise Unready(f"mix: nothing is called {kind!r}: did you mean {near[0]}?")
        if not 0 <= weight < float("inf"):
            raise Unready(f"mix: {kind} must be 0 or more")
    if not sum(plan.mix.values()):
        raise Unready("mix: something must happen")
    if plan.users < 2:
        raise Unready("users: must be 2 or more")
    for name, number in (("posts", plan.posts), ("celebrities", plan.celebrities)):
        if number < 0:
            raise Unready(f"{name}: must be 0 or more")
    if not 0 <= plan.zipf <= 4:
        raise Unready("zipf: must be from 0 (all alike) to 4")
    if not 0 <= plan.poison_share <= 1:
        raise Unready("poison_share: must be from 0 to 1")


def invent(plan: StreamPlan, mint: Mint, *, begins_ms: int, per_s: float) -> Iterator[Event]:
    """Events without end: the n-th happens at `begins_ms` + 1000 n / `per_s`, as its ids say."""
    check_plan(plan)
    world = World(Random(plan.seed), mint, zipf=plan.zipf, celebrities=plan.celebrities)
    n = 0
    for happens in _all(plan, world):
        world.now_ms = begins_ms + int(1000 * n / per_s)
        for event in happens():
            n += 1
            yield event


def _all(plan: StreamPlan, world: World) -> Iterator[Callable[[], tuple[Event, ...]]]:
    for _ in range(plan.users):
        yield world.join
    for _ in range(plan.posts):
        yield world.post
    kinds: list[Callable[[], tuple[Event, ...]]] = [getattr(world, kind) for kind in plan.mix]
    weights = list(accumulate(plan.mix.values()))
    random = Random(plan.seed + 1)  # so that what is chosen does not hang on how often one chooses
    while True:
        yield from random.choices(kinds, cum_weights=weights, k=CHOSEN_AT_ONCE)
