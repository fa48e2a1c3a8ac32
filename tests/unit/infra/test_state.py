"""What the launcher remembers outlives it, is its owner's only, and is changed by one at a time."""

import threading
from pathlib import Path

import pytest

from infra.native.state import changing_state, read_state
from instastream.errors import Unready


def test_nothing_is_remembered_before_the_first_start(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    with changing_state(home) as first:
        first.ports["kafka"] = {"port": 9092}
    with changing_state(home) as second:
        pass
    assert second == first == read_state(home)
    assert len(first.s3_secret_key) > 30
    assert (home / "stack.json").stat().st_mode & 0o777 == 0o600


def test_a_change_that_fails_is_not_written(tmp_path: Path) -> None:
    def fail() -> None:
        with changing_state(tmp_path) as state:
            state.ports["kafka"] = {"port": 1}
            raise Unready("no")

    with pytest.raises(Unready):
        fail()
    assert read_state(tmp_path) is None


def test_a_file_that_is_no_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(Unready, match=r"stack\.json can't be read, move it away"):
        read_state(tmp_path)


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    def add(name: str) -> None:
        with changing_state(tmp_path) as state:
            state.ports[name] = {"port": 1}

    threads = [threading.Thread(target=add, args=(str(n),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = read_state(tmp_path)
    assert state
    assert len(state.ports) == 16
