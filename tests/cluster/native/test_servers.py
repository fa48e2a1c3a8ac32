"""The servers lose nothing that they acknowledged: killed, restarted, found running."""

import asyncio

import pytest

from infra.native.stack import Stack
from tests.cluster.native.conftest import KEPT, has_ended, pids, read_redis, write_redis


@pytest.mark.parametrize("name", KEPT)
async def test_kill_9_loses_nothing_that_was_acknowledged(stack: Stack, name: str) -> None:
    write, read = KEPT[name]
    await write(stack.endpoints)
    before = pids(stack)[name]
    stack.kill(name)
    assert pids(stack)[name] is None
    await stack.start(name)
    assert pids(stack)[name] not in (None, before)
    assert await read(stack.endpoints)


async def test_redis_comes_back_empty(stack: Stack) -> None:
    await write_redis(stack.endpoints)
    assert await read_redis(stack.endpoints)
    stack.kill("redis")
    await stack.start("redis")
    assert not await read_redis(stack.endpoints), "some of what it had would look like all of it"


async def test_a_restart_of_everything_loses_nothing(stack: Stack) -> None:
    before = stack.endpoints
    await asyncio.gather(*(KEPT[name][0](before) for name in KEPT if name != "edge"))
    running = [pid for pid in pids(stack).values() if pid]
    await stack.down()
    assert all(row.state == "stopped" for row in stack.status())
    assert all(map(has_ended, running))
    assert await stack.up() == before, "ports and keys are remembered"
    assert all([await read(before) for _, read in KEPT.values()])


async def test_up_again_leaves_what_runs_and_starts_what_is_missing(stack: Stack) -> None:
    before = pids(stack)
    stack.kill("redis")
    await stack.up()
    after = pids(stack)
    assert [name for name in after if after[name] != before[name]] == ["redis"]
    assert after["redis"]
