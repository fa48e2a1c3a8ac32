"""A round is judged by all that there is to see."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instastream.load.checks.violations import Found, Violation
from instastream.steps import ignore
from tests.conftest import IN_MEMORY
from tests.nemesis import playing
from tests.nemesis.schedule import rounds
from tests.nemesis.target import Target
from tests.unit.nemesis.test_traces import dead

LETTERS = [dead("media", 0, offset) for offset in range(300)]


async def test_a_round_is_judged_by_every_dead_letter_however_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def check(history: object, *, per_rule_max: int, **_: Any) -> Iterable[Violation]:
        found = Found(per_rule_max)
        found.add(LETTERS)
        return found.all()

    monkeypatch.setattr(playing, "check", check)
    monkeypatch.setattr(playing, "read", lambda folder: [])
    target = cast(Target, SimpleNamespace(api="", settings=IN_MEMORY))
    assert await playing._checked(target, tmp_path, ignore) == LETTERS


async def test_a_round_that_is_stopped_while_its_load_goes_on_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def run(*_: object, **__: object) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "what it came to"
        raise AssertionError

    monkeypatch.setattr(playing, "run", run)
    [one] = rounds(1, ["nothing"])
    loading = playing.Loading(one, cast(Target, SimpleNamespace(api="")), tmp_path, ignore)
    ending = asyncio.create_task(loading.ended())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await loading.cancel()
    came_to: object = await loading.ended()
    assert came_to == "what it came to"


@pytest.mark.parametrize(("letters", "more"), [(1, None), (2, None), (3, 1), (5, 3)])
def test_of_each_rule_so_many_are_kept_and_the_others_counted(
    letters: int, more: int | None
) -> None:
    found = Found(per_rule_max=2)
    found.add(LETTERS[:letters])
    assert len(found.all()) == min(letters, 2)
    assert found.all()[-1].evidence.get("more") == more
