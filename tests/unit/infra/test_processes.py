"""Processes are recognised by more than their pid, and end with all their children."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from infra.native import processes
from infra.native.processes import ProcessSpec, Running
from instastream.errors import Unready


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def spec(tmp_path: Path, script: str, **changes: object) -> ProcessSpec:
    plain = ProcessSpec(
        name="it",
        argv=["/bin/sh", "-c", script],
        env={"PATH": os.defpath},
        cwd=tmp_path,
        ready=at_once,
        log=tmp_path / "it.log",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    for each in running:
        processes.kill(each)


def spawn(started: list[Running], wanted: ProcessSpec) -> Running:
    assert wanted.log
    started.append(processes.spawn(wanted, wanted.log))
    return started[-1]


def wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"{path} was never written")


async def test_it_runs_in_its_folder_with_its_environment_only(
    tmp_path: Path, started: list[Running]
) -> None:
    spawn(
        started, spec(tmp_path, "echo $(pwd; env); sleep 60", env={"PATH": os.defpath, "A": "b c"})
    )
    said = wait_for(tmp_path / "it.log")
    assert said.startswith(f"{tmp_path} ")
    assert "A=b c" in said
    assert "HOME=" not in said


def test_it_has_a_session_of_its_own(tmp_path: Path, started: list[Running]) -> None:
    running = spawn(started, spec(tmp_path, "echo up; sleep 60"))
    wait_for(tmp_path / "it.log")
    assert os.getsid(running.pid) == running.pid != os.getsid(0)
    assert processes.is_alive(running)
    assert processes.rss_bytes(running) > 100_000


async def test_stop_lets_it_finish(tmp_path: Path, started: list[Running]) -> None:
    script = "trap 'echo bye; exit' TERM; echo hello; while :; do sleep 0.01; done"
    running = spawn(started, spec(tmp_path, script))
    wait_for(tmp_path / "it.log")
    await processes.stop(running)
    assert not processes.is_alive(running)
    assert (tmp_path / "it.log").read_text() == "hello\nbye\n"


async def test_stop_kills_what_does_not_listen(tmp_path: Path, started: list[Running]) -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 0.01; done"
    running = spawn(started, spec(tmp_path, script, stop_timeout_s=0.2))
    wait_for(tmp_path / "it.log")
    await processes.stop(running)
    assert not processes.is_alive(running)


def test_children_do_not_outlive_it(tmp_path: Path, started: list[Running]) -> None:
    running = spawn(started, spec(tmp_path, "sleep 60 & echo $!; wait"))
    child = int(wait_for(tmp_path / "it.log"))
    os.kill(running.pid, signal.SIGKILL)  # by somebody else: the child lives on
    while processes.is_alive(running):
        time.sleep(0.01)
    os.kill(child, 0)
    processes.kill(running)
    assert processes._has_ended(processes._fields(child))


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield other
    other.kill()
    other.wait()


async def test_another_process_with_the_same_pid_is_left_alone(
    other: subprocess.Popen[bytes],
) -> None:
    it = Running(
        pid=other.pid,
        born=processes._born(other.pid),
        log="",
        url="",
        stop_signal=signal.SIGTERM,
        stop_timeout_s=1,
    )
    old = msgspec.structs.replace(it, born=f"{processes._boot_id()}:1")
    assert not processes.is_alive(old)
    await processes.stop(old)
    processes.kill(old)
    assert processes.is_alive(it)


@pytest.mark.parametrize("words", ["no disk", '{"level": "ERROR", "message": "no disk"}'])
async def test_one_that_ends_while_starting_shows_its_last_words_and_no_stack(
    tmp_path: Path, started: list[Running], words: str
) -> None:
    wanted = spec(tmp_path, f"echo '{words}'; echo '  at main'; exit 3", ready=never)
    with pytest.raises(Unready, match=f"it ended while starting; {tmp_path}/it.log ends: no disk$"):
        await processes.until_ready(wanted, spawn(started, wanted))


async def test_one_that_never_answers_is_given_up_with_its_log(
    tmp_path: Path, started: list[Running]
) -> None:
    async def refuses() -> bool:
        raise ConnectionRefusedError("nobody there")

    wanted = spec(tmp_path, "echo hm; sleep 60", ready=refuses, ready_timeout_s=0.3)
    running = spawn(started, wanted)
    wait_for(tmp_path / "it.log")
    with pytest.raises(Unready, match=r"(?s)not ready after 0.3 s .*nobody there.* hm"):
        await processes.until_ready(wanted, running)


async def test_a_program_that_is_not_there_is_said_in_the_log(
    tmp_path: Path, started: list[Running]
) -> None:
    wanted = spec(tmp_path, "", argv=["/no/such/program"], ready=never)
    with pytest.raises(Unready, match="/no/such/program"):
        await processes.until_ready(wanted, spawn(started, wanted))


async def test_the_log_of_the_run_before_is_kept(tmp_path: Path, started: list[Running]) -> None:
    for word in ("first", "second"):
        running = spawn(started, spec(tmp_path, f"echo {word}; sleep 60"))
        wait_for(tmp_path / "it.log")
        processes.kill(running)
    assert (tmp_path / "it.log").read_text() == "second\n"
    assert (tmp_path / "it.log.1").read_text() == "first\n"


def test_the_first_command_runs_only_where_its_file_is_missing(tmp_path: Path) -> None:
    mark = tmp_path / "it's there"
    argv = processes.shell(["touch", str(mark)], ["echo", "$HOME done"], unless=mark)
    for _ in range(2):
        assert subprocess.check_output(argv, text=True) == "$HOME done\n"
    argv = processes.shell(["false"], ["echo"], unless=tmp_path / "none")
    assert subprocess.run(argv, check=False).returncode == 1
