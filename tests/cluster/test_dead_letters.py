"""What a worker fails at is tried again, then dead, and is handled once it is redriven."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from secrets import token_hex
from typing import Any

from instastream.client import Client
from instastream.log import KafkaLog
from instastream.redriving import Summary, Wanted, show, waiting
from tests.cluster.conftest import System, app, eventually

MINE = Wanted(app="failing")
TWICE, WHILE_BROKEN = "twice", "broken"  # what usernames begin with: see failing.py


async def instastream(system: System, *argv: str) -> Any:
    """What a command says to machines."""
    program = Path(sys.executable).with_name("instastream")
    process = await asyncio.create_subprocess_exec(
        program, *argv, "--json", env={**os.environ, **system.environ}, stdout=PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said)


def handled(folder: Path, name: str) -> list[int]:
    """At which attempts it succeeded with a user."""
    path = folder / "handled"
    lines = path.read_text().splitlines() if path.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")]


async def test_what_fails_is_tried_again_then_dead_and_redriven_it_is_handled_once(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    names = {name: f"{name}_{token_hex(4)}" for name in (TWICE, WHILE_BROKEN)}
    for username in names.values():
        await Client.joined(system.http, username, "a long password")

    async def tell() -> str:
        return (tmp_path / "log").read_text()[-2_000:]

    async with KafkaLog(system.settings.kafka, prefix=system.settings.prefix) as log:

        async def letters() -> list[Summary]:
            return await waiting(log, MINE)

        async def one_is_dead() -> bool:
            return len(await letters()) == 1

        async def is_handled(name: str) -> bool:
            return bool(handled(tmp_path, names[name]))

        async with app("failing", system, tmp_path):
            await eventually(lambda: is_handled(TWICE), "handled at last", tell)
            await eventually(one_is_dead, "given up", tell)
            [letter] = await letters()
            told = await show(log, letter.id)
            assert (letter.topic, letter.error, letter.attempts) == ("users", "KeyError", 4)
            assert json.loads(told.value)["username"] == names[WHILE_BROKEN]
            assert "in handle" in told.stack
            assert dict(told.headers)["ce_type"] == "user.joined.v1"

            (tmp_path / "broken").unlink()
            redrive = ("dead", "redrive", "--app", "failing")
            assert (await instastream(system, *redrive))["dealt"]["done"] == [letter.id]
            await eventually(lambda: is_handled(WHILE_BROKEN), "handled once redriven", tell)
            assert await letters() == []
    assert handled(tmp_path, names[TWICE])[0] == 3  # and may be again
    assert 5 in handled(tmp_path, names[WHILE_BROKEN])
