"""A worker that fails at users as their names say: faust -A tests.cluster.failing worker.

It writes down whom it handled, in the folder FAILING; it fails at some for as long as a file
`broken` lies there.
"""

import os
from collections import Counter
from pathlib import Path

from instastream.deps import Deps
from instastream.events import Event, Record, UserJoined
from instastream.retries import RETRY_DELAYS_S
from streams.process import prepare_process
from streams.single import EventApp

FOLDER = Path(os.environ["FAILING"])
DELAY_S = 0.3
TWICE, WHILE_BROKEN = "twice", "broken"  # what usernames begin with

_tried: Counter[str] = Counter()


async def handle(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """Fails, or writes a line: who it was, at which attempt."""
    name = record.event.username
    _tried[name] += 1
    if name.startswith(TWICE) and _tried[name] <= 2:
        raise RuntimeError("not yet")
    if name.startswith(WHILE_BROKEN) and (FOLDER / "broken").exists():
        raise KeyError("no such thing")
    with (FOLDER / "handled").open("a") as file:
        file.write(f"{name} {_tried[name]}\n")
    return []


prepare_process("failing")
app = EventApp(
    "failing",
    {UserJoined: handle},
    in_flight=8,
    delays_s=dict.fromkeys(RETRY_DELAYS_S, DELAY_S),
)
