"""Whatever is stopped or forgotten, and when: nothing runs on in a folder that is removed."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra import local
from infra.native import processes
from infra.native.processes import ProcessSpec, Running
from infra.native.state import changing_state
from instastream.demo_system import clean, demonstrate, of_demo, stop
from instastream.errors import Unready
from instastream.steps import ignore
from instastream.terminal import Steps
from tests.containers import ROOT

STUBBORN_S = 0.5  # how long it is asked to stop before it is killed


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a folder of ours."""
    return {local.HOME: str(tmp_path / "home")}


@pytest.fixture
def begun() -> Iterator[list[Running]]:
    """Processes that a test began."""
    begun: list[Running] = []
    yield begun
    for one in begun:
        processes.kill(one)


async def ready() -> bool:
    return True


def begin(environ: Mapping[str, str], begun: list[Running]) -> Running:
    """A process of the folder's, which does not stop at once."""
    home = local.home_of(environ)
    spec = ProcessSpec(
        name="own",
        argv=["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"],
        env={"PATH": os.defpath},
        cwd=Path("/"),
        ready=ready,
        stop_timeout_s=STUBBORN_S,
    )
    with changing_state(home) as state:
        state.processes["own"] = processes.spawn(spec, home / "logs" / "own.log")
        begun.append(state.processes["own"])
    return begun[-1]


async def never(*_: object) -> object:
    raise AssertionError


async def test_what_a_killed_demo_left_is_stopped_also_where_the_next_is_stopped_at_once(
    environ: dict[str, str], begun: list[Running]
) -> None:
    demo = of_demo(environ)
    left = begin(demo, begun)
    with Steps() as steps:
        demonstrating = asyncio.create_task(demonstrate(demo, steps, then=never))  # type: ignore[arg-type]
        await asyncio.sleep(STUBBORN_S / 5)
        demonstrating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await demonstrating
    assert not processes.is_alive(left)
    local.forget(demo)


def test_a_folder_is_kept_while_anything_of_it_runs(
    environ: dict[str, str], begun: list[Running]
) -> None:
    running = begin(environ, begun)
    with pytest.raises(Unready, match="is kept: own of it still run"):
        local.forget(environ)
    assert local.is_up(environ)
    processes.kill(running)
    local.forget(environ)
    assert not local.home_of(environ).exists()


async def test_down_stops_also_what_a_killed_demo_left(
    environ: dict[str, str], begun: list[Running]
) -> None:
    both = [begin(environ, begun), begin(of_demo(environ), begun)]
    await stop(environ, ignore)
    assert not any(map(processes.is_alive, both))
    assert local.home_of(environ).exists()


async def test_down_makes_no_folder(environ: dict[str, str]) -> None:
    await stop(environ, ignore)
    await clean(environ, ignore)
    assert not local.home_of(environ).exists()


def test_down_says_that_a_demo_is_at_work_and_leaves_it_alone(
    environ: dict[str, str], begun: list[Running]
) -> None:
    own, of_a_demo = begin(environ, begun), begin(of_demo(environ), begun)
    with local.alone(environ, "demo"):
        done = subprocess.run(
            [sys.executable, "-c", "from instastream.program import main; main()", "down"],
            env={"PATH": os.defpath, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "another `demo` is at work" in done.stderr
    assert not processes.is_alive(own)
    assert processes.is_alive(of_a_demo)


@pytest.mark.parametrize("what", ["up", "demo"])
async def test_nothing_is_removed_where_anything_is_at_work(
    environ: dict[str, str], begun: list[Running], what: str
) -> None:
    running = begin(environ, begun)
    with local.alone(environ, what), pytest.raises(Unready, match=f"`{what}` is at work"):
        await clean(environ, ignore)
    assert processes.is_alive(running)
    assert local.is_up(environ)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As far as `make clean` needs one."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "infra", checkout / "infra")
    shutil.copy(ROOT / "Makefile", checkout)
    binaries = checkout / ".venv/bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    main = "from instastream.program import main; main()"
    (binaries / "instastream").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{main}" "$@"\n')
    for program in binaries.iterdir():
        program.chmod(0o755)
    return checkout


def make_clean(checkout: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "clean"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variable", [local.HOME, local.CONNECTED])
def test_make_clean_is_of_its_checkout_whatever_the_shell_is_connected_to(
    environ: dict[str, str], begun: list[Running], checkout: Path, variable: str
) -> None:
    elsewhere = begin(environ, begun)
    here = begin({local.HOME: str(checkout / ".instastream")}, begun)
    done = make_clean(checkout, {variable: environ[local.HOME]})
    assert done.returncode == 0, done.stderr
    assert processes.is_alive(elsewhere)
    assert local.is_up(environ)
    assert not processes.is_alive(here)
    assert not (checkout / ".instastream").exists()
    assert not (checkout / ".venv").exists()


def test_make_clean_removes_what_demos_left_to_be_read(checkout: Path) -> None:
    (checkout / ".instastream/demo-load").mkdir(parents=True)
    done = make_clean(checkout, {})
    assert done.returncode == 0, done.stderr
    assert not (checkout / ".instastream").exists()


def test_make_clean_removes_nothing_that_it_can_not_stop(
    begun: list[Running], checkout: Path
) -> None:
    environ = {local.HOME: str(checkout / ".instastream")}
    begin(environ, begun)
    shutil.rmtree(checkout / ".venv")
    (checkout / "infra/setup").write_text("#!/bin/sh\nexit 1  # without a network\n")
    assert make_clean(checkout, {}).returncode != 0
    assert local.is_up(environ)


def test_make_clean_removes_nothing_while_a_demo_is_at_work(
    begun: list[Running], checkout: Path
) -> None:
    environ = {local.HOME: str(checkout / ".instastream")}
    running = begin(of_demo(environ), begun)
    with local.alone(environ, "demo"):
        done = make_clean(checkout, {})
    assert done.returncode != 0
    assert "another `demo` is at work" in done.stderr
    assert processes.is_alive(running)
    assert local.is_up(of_demo(environ))
    assert (checkout / ".venv").exists()
