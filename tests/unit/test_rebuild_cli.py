"""What `rebuild` and `digest` refuse before any server is asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from instastream import rebuild_cli
from instastream.errors import Unready
from instastream.rebuild_cli import digest, rebuild
from instastream.rebuilding import rebuilding
from instastream.rebuilding.bounding import Bounds
from instastream.rebuilding.projections import named
from instastream.rebuilding.replaying import Replayed
from instastream.terminal import Steps
from tests.conftest import IN_MEMORY


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (partial(rebuild, "like"), "there is no projection 'like'"),
        (partial(rebuild, "users", "users", drop=True), "leave out bounds"),
        (partial(rebuild, "all", "users", shadow=True), "leave out bounds"),
        (partial(rebuild, "all", key=("7",), swap=True), "leave out bounds"),
        (partial(rebuild, "users", swap=True), "swapped together"),
        (partial(rebuild, "likes", rollback=True), "swapped together"),
        (partial(rebuild, "all", swap=True, drop=True), "choose one of them"),
        (partial(rebuild, "users", "graph"), "graph is none of the topics: users"),
        (partial(rebuild, "users", "users/"), "'users/' is no range"),
        (partial(rebuild, "likes", "engagement/1:5-9"), "from the first event"),
        (partial(rebuild, "graph", "graph/1:5-9", dry_run=True), "would stand again"),
        (partial(rebuild, "graph", since=datetime(2026, 1, 2)), "would stand again"),
        (partial(digest, "like"), "there is no projection 'like'"),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence(command: Callable[[], None], sentence: str) -> None:
    with pytest.raises(Unready, match=sentence):
        command()


def test_a_file_that_holds_no_digests_is_named(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text("{}")
    with pytest.raises(Unready, match=r"before\.json is not what `instastream digest --json`"):
        digest(against=path)


@pytest.mark.parametrize(
    ("name", "passes", "misplaces"),
    [
        ("graph", True, False),
        ("comments", False, True),
        ("all", True, True),
        ("users", False, False),
    ],
)
async def test_whoever_replays_where_it_serves_is_told_what_is_wrong_meanwhile(
    name: str,
    passes: bool,
    misplaces: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @asynccontextmanager
    async def serving(_: object) -> AsyncIterator[None]:
        yield

    async def nothing(*_: object, **__: object) -> AsyncIterator[Replayed]:
        for replayed in list[Replayed]():
            yield replayed

    monkeypatch.setattr(rebuild_cli, "serving", serving)
    monkeypatch.setattr(rebuilding, "rebuild", nothing)
    await rebuild_cli._rebuild(IN_MEMORY, named(name), Bounds(), Steps(), drop=False)
    said = " ".join(capsys.readouterr().err.split())
    assert ("graph passes through the past" in said) == passes
    assert ("Stop the API until then" in said) == misplaces
    assert ("`instastream rebuild all --swap`" in said) == (passes or misplaces)
