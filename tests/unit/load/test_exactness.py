"""An exact system is never accused, however its operations overlap, get lost or come late."""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings

from instastream.load.checks.checking import Visits, learn
from instastream.load.checks.histories import Entry
from instastream.load.checks.oracle import Oracle
from instastream.load.checks.violations import Found, Violation
from tests.unit.load.living import USERS, Deed, Life, deeds
from tests.unit.load.world import Tamper, World, http_of, untouched


def ignore(step: str, done: int, total: int) -> None:
    """Nobody waits for this."""


async def checked(
    history: Iterable[Entry], world: World, tamper: Tamper = untouched
) -> list[Violation]:
    """What is found by looking at a world through its API."""
    oracle, found = Oracle(), Found()
    await learn(history, oracle, found, ignore)
    async with http_of(world, tamper) as http:
        found.add(await Visits(oracle, http, ignore).all())
    return found.all()


@given(deeds)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
async def test_an_exact_system_is_never_accused(given: list[Deed]) -> None:
    world = World(USERS)
    assert await checked(Life(world).live(given), world) == []
