"""Whoever makes a generation of projections is alone at it."""

import pytest

from instastream.errors import Unready
from instastream.rebuilding.projections import named
from instastream.rebuilding.shadowing import former, shadow
from instastream.settings import Settings
from instastream.stores.cassandra import generations
from instastream.stores.cassandra.session import open_session


async def test_while_a_generation_is_made_no_other_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "EXTENDED_EVERY_S", 0.01)
    async with open_session(settings) as session:
        async with session.generations.alone() as lease:
            until_s = lease.when()
            for another in (shadow, former):
                with pytest.raises(Unready, match="someone makes another generation"):
                    await another(named("users"), settings).__aenter__()
            assert lease.when() != until_s, "for as long as it takes"
        async with session.generations.alone():
            pass
