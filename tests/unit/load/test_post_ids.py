"""Ids of posts, shared by processes."""

from pathlib import Path

from instastream.load.over_http.post_ids import PostIds


def test_what_one_process_learns_another_knows(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    with PostIds.made(path, 3) as here, PostIds(path) as there:
        assert there[2] == ""
        here[2] = "9223372036854775807"
        assert there[2] == "9223372036854775807"
        assert there[1] == ""


def test_a_run_may_have_no_posts(tmp_path: Path) -> None:
    with PostIds.made(tmp_path / "posts", 0):
        pass
