"""A connected shell is no choice of its user, and nobody does the same thing twice at once."""

import sys
from pathlib import Path

import pytest

from infra import local
from infra.native.keys import KEYS, read_keys
from infra.native.servers import SERVERS
from infra.native.state import changing_state
from instastream.errors import Unready
from instastream.steps import ignore


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder in which everything was started once."""
    home = tmp_path / "home"
    with changing_state(home) as state:
        for name, server in SERVERS.items():
            state.ports[name] = server.free_ports(state.ports_taken)
    local.prepare({local.HOME: str(home)})
    return home


@pytest.fixture
def connected(home: Path) -> dict[str, str]:
    """The environment of a shell that ran `eval "$(instastream env)"`."""
    own = {local.HOME: str(home)}
    exported = local.connect(own, local.stack_of(own, report=ignore))
    return {"PATH": "/bin", **exported, local.CONNECTED: str(home)}


def test_a_connected_shell_chose_nothing_but_its_folder(
    connected: dict[str, str], home: Path
) -> None:
    chosen = local.chosen(connected)
    assert chosen == {"PATH": "/bin", local.CONNECTED: str(home)}
    assert local.home_of(chosen) == home


def test_what_its_user_changed_is_chosen(connected: dict[str, str]) -> None:
    connected["INSTASTREAM_REDIS"] = "redis://cache:6379"
    assert local.chosen(connected)["INSTASTREAM_REDIS"] == "redis://cache:6379"


def test_another_folder_is_another_system(connected: dict[str, str], tmp_path: Path) -> None:
    chosen = local.chosen(connected | {local.HOME: str(tmp_path / "other")})
    assert "INSTASTREAM_KAFKA" not in chosen
    assert local.home_of(chosen) == tmp_path / "other"


def test_credentials_of_another_object_store_are_for_that_one_only() -> None:
    theirs = {"AWS_ACCESS_KEY_ID": "theirs", "AWS_PROFILE": "work", "PATH": "/bin"}
    assert local.chosen(theirs) == {"PATH": "/bin"}
    given = theirs | {"INSTASTREAM_S3": "https://s3.eu-central-1.amazonaws.com"}
    assert local.chosen(given) == given


def test_a_connected_shell_finds_our_commands_once_and_last() -> None:
    path = local.path_of({"PATH": "/usr/bin"})
    assert path == f"/usr/bin:{Path(sys.executable).parent}"
    assert local.path_of({"PATH": path}) == path


def test_what_does_not_run_is_told_too(home: Path) -> None:
    stack = local.stack_of({local.HOME: str(home)}, report=ignore)
    states = {row.name: row.state for row in local.status(stack)}
    assert states == dict.fromkeys([*SERVERS, "api", *local.WORKERS], "stopped")


def test_secrets_are_made_once(home: Path, connected: dict[str, str]) -> None:
    local.prepare({local.HOME: str(home)})
    own = {local.HOME: str(home)}
    again = local.connect(own, local.stack_of(own, report=ignore))
    assert {name: again[name] for name in KEYS} == {name: connected[name] for name in KEYS}
    assert (home / "keys.env").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_new_is_added_to_those_that_were_made(home: Path) -> None:
    path = home / "keys.env"
    made = path.read_text()
    older = "".join(line for line in made.splitlines(keepends=True) if "EDGE_KEY" not in line)
    path.write_text(older)
    local.prepare({local.HOME: str(home)})
    assert path.read_text().startswith(older)
    assert set(read_keys(home)) == set(KEYS)
    assert path.read_text() != made


def test_an_edge_is_given_with_its_key(home: Path) -> None:
    given = {local.HOME: str(home), "INSTASTREAM_EDGE": "https://media.example"}
    with pytest.raises(Unready, match="INSTASTREAM_EDGE_KEY"):
        local.prepare(given)
    local.prepare(given | {"INSTASTREAM_EDGE_KEY": "ab" * 32})


def test_nobody_does_the_same_at_once(tmp_path: Path) -> None:
    environ = {local.HOME: str(tmp_path)}
    with (
        local.alone(environ, "demo"),
        pytest.raises(Unready, match="another `demo` is at work"),
        local.alone(environ, "demo"),
    ):
        pass
    with local.alone(environ, "demo"), local.alone(environ, "up"):
        pass


def test_a_worker_has_the_port_that_is_asked_for_also_where_it_had_another(home: Path) -> None:
    environ = {local.HOME: str(home)}
    had = local.worker("media", environ).url
    asked = local.worker("media", environ | {"INSTASTREAM_MEDIA_PORT": "23456"}).url
    assert had != asked == "http://127.0.0.1:23456"
