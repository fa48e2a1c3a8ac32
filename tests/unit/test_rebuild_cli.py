"""What `rebuild` and `digest` refuse before any server is asked."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from instastream.errors import Unready
from instastream.rebuild_cli import digest, rebuild


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
