"""A system's own secrets, kept beside what they protect: made once, never printed."""

import secrets
from pathlib import Path

from instastream.settings import EDGE_KEY

KEYS = ("INSTASTREAM_TOKEN_KEY", "INSTASTREAM_MEDIA_KEY", EDGE_KEY)


def keep_keys(home: Path) -> None:
    """Make what is not there yet; call it while changing the folder's state: one at a time."""
    kept = read_keys(home)
    if kept.keys() >= set(KEYS):
        return
    made = {name: secrets.token_hex(32) for name in KEYS} | kept
    staged = home / "keys.env.new"
    staged.touch(mode=0o600)
    staged.write_text("".join(f"{name}={key}\n" for name, key in made.items()))
    staged.replace(home / "keys.env")


def read_keys(home: Path) -> dict[str, str]:
    """Every secret, by the variable that carries it; none where nothing was ever started."""
    path = home / "keys.env"
    return dict(line.split("=") for line in path.read_text().split()) if path.exists() else {}
