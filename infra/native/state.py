"""What the launcher remembers in `stack.json`: ports, processes and the object store's keys."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError, field, json

from infra.native.processes import Running
from instastream.errors import Unready


def _new_access_key() -> str:
    return secrets.token_hex(10).upper()


class State(Struct, kw_only=True):
    """Everything a later launcher needs to find, stop and start again what this one started."""

    s3_access_key: str = field(default_factory=_new_access_key)
    s3_secret_key: str = field(default_factory=secrets.token_urlsafe)
    ports: dict[str, dict[str, int]] = field(default_factory=dict)  # by server, then by purpose
    processes: dict[str, Running] = field(default_factory=dict)

    @property
    def ports_taken(self) -> set[int]:
        """Every port that something of this stack has, whether it runs or not."""
        return {port for purposes in self.ports.values() for port in purposes.values()}


def read_state(home: Path) -> State | None:
    """The state as it was last written; None where nothing was ever started."""
    path = home / "stack.json"
    try:
        return json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (DecodeError, ValidationError) as error:
        raise Unready(f"{path} can't be read, move it away and start again: {error}") from error


@contextmanager
def changing_state(home: Path) -> Iterator[State]:
    """The state, to change in the block; other launchers wait, so keep the block short.

    Start processes last in it: when the block raises, nothing of it is written.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)  # also one that was there before
    with (home / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = read_state(home) or State()
        yield state
        _write(home, state)


def _write(home: Path, state: State) -> None:
    staged = home / "stack.json.new"
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds keys
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.format(json.encode(state), indent=1))
    staged.replace(home / "stack.json")
