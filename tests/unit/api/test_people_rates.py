"""How fast one may follow, and answer those who follow or ask to."""

import pytest
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.limits import Rate
from instastream.pacing import PACES
from instastream.stores.memory_rates import MemoryRates
from tests.unit.api.conftest import NOW_MS, Person, problem, serving
from tests.unit.api.test_following import be_private, do

ONE = {name: replace(pace, rate=Rate(1, 10)) for name, pace in PACES.items()}


async def test_who_is_asked_can_answer_however_many_they_follow_themselves(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await be_private(ada)
    monkeypatch.setattr("instastream.pacing.PACES", ONE)
    async with serving(deps, rates=MemoryRates(lambda: NOW_MS)) as http:
        ada.http = bob.http = http
        await do(bob, "PUT", f"/v1/users/{ada.id}/follow", 202)
        await do(ada, "PUT", f"/v1/users/{bob.id}/follow")
        refused = await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
        assert problem(refused) == (429, "too-many-requests")
        await do(ada, "PUT", f"/v1/me/followers/{bob.id}")
