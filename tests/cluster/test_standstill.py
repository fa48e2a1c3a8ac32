"""A worker that nothing comes to, though there is something, begins anew by itself."""

from pathlib import Path
from secrets import token_hex

import pytest

from instastream.client import Client
from tests.cluster.conftest import System, app, eventually


@pytest.mark.parametrize(
    "way", ["end", "end-retries", pytest.param("hang", marks=pytest.mark.long)]
)
async def test_a_worker_whose_consumer_came_to_a_halt_goes_on_in_the_same_process(
    system: System, tmp_path: Path, way: str
) -> None:
    log = tmp_path / "log"

    async def tell() -> str:
        return log.read_text()[-4_000:]

    async def comes(name: str) -> None:
        """Someone joins, and the worker handles it."""
        username = f"{name}_{token_hex(4)}"
        await Client.joined(system.http, username, "a long password")

        async def is_handled() -> bool:
            path = tmp_path / "handled"
            return path.exists() and username in path.read_text().split()

        await eventually(is_handled, f"{name} handled", tell)

    async def halted() -> bool:
        return not (tmp_path / way).exists()

    async with app("halting", system, tmp_path) as worker:
        await comes("before")
        (tmp_path / way).touch()
        await eventually(halted, "halted", tell)
        if way == "end-retries":
            (tmp_path / "fail").touch()
        await comes("after")
        assert "stands still and begins anew" in log.read_text()
        assert worker.returncode is None
