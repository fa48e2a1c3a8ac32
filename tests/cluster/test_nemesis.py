"""A slice of the nemesis: several faults at once under load, and every promise kept."""

import os
from pathlib import Path

import pytest

from instastream.steps import ignore
from tests.cluster.conftest import System
from tests.nemesis.playing import play
from tests.nemesis.schedule import Round, rounds
from tests.nemesis.target import Target

SEED = 1
SLICE = [one for one in rounds(SEED) if one.ci]


@pytest.mark.parametrize("one", SLICE, ids=lambda one: one.name)
async def test_nothing_is_lost_repeated_or_shown_to_others(
    system: System, tmp_path: Path, one: Round
) -> None:
    if system.docker or "INSTASTREAM_KAFKA" in os.environ:
        pytest.skip("servers that are not ours to kill")
    target = Target(system.stack, system.environ, system.settings)
    outcome = await play(one, target, tmp_path / "run", ignore)
    assert outcome.violations == []
    assert outcome.load
    assert outcome.load.ok > outcome.load.count / 2
