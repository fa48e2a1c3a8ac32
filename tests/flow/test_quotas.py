"""Of two who open the last upload that may be, each may be preempted at each of its steps."""

from itertools import product

import pytest

from instastream import commands, quotas
from instastream.parts import sha256_of_parts
from tests.flow.upload_world import AUTHOR, World

STEPS = 6  # store calls of a request


def begin(world: World) -> int:
    declared = {"content_type": "image/jpeg", "size_bytes": 5, "sha256": sha256_of_parts([])}
    return world.start(commands.request_upload(AUTHOR, deps=world.deps, **declared))  # type: ignore[arg-type]


def test_one_of_them_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "UPLOADS_OPEN_MAX", 1)
    for before, between in product(range(STEPS), repeat=2):
        world = World()
        one, other = begin(world), begin(world)
        for process, steps in ((one, before), (other, between), (one, 100), (other, 100)):
            world.advance(process, steps)
        assert len(world.uploads.open_ms[AUTHOR]) == len(world.uploads.uploads) == 1
        assert list(world.refused.values()) == ["too-many-uploads"]
        world.close()
