"""What a confined process tries is in vain, and what a decoder does works."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from instastream.confinement.process import CPU_GRACE_S, FILES_MAX, NICENESS
from instastream.limits import MEBIBYTE
from tests.unit.images.test_pool import gone, until

CONFINED = """
import ctypes, os, resource, socket, sys, time
from pathlib import Path
from typing import Any
from instastream.confinement.process import Limits, confine
confine(Limits(**{limits}))
"""
USUAL: dict[str, object] = {"memory_bytes": 512 * MEBIBYTE, "cpu_s": 10, "file_bytes": 1000}
UNCONFINED = CONFINED.replace("confine(Limits(**{limits}))", "")
SCRIPT = "'#!/bin/true\\n'"
EXECUTE_M = "os.execv(f'/proc/self/fd/{m}', ['it'])"
PYTHON = (sys.executable, "-P", "-c")
PROGRAM = (sys.executable, "-P", "-m", "instastream.confinement.process")


def attempt(code: str, *arguments: object, fds: Sequence[int] = ()) -> int:
    """How a child without any limits ends: 0 when it did what it tried."""
    return _run(UNCONFINED + code, arguments, fds).returncode


def confined(
    code: str, *arguments: object, fds: Sequence[int] = (), **limits: object
) -> subprocess.CompletedProcess[str]:
    return _run(CONFINED.format(limits=USUAL | limits) + code, arguments, fds)


def _run(
    code: str, arguments: Sequence[object], fds: Sequence[int]
) -> subprocess.CompletedProcess[str]:
    command = [*PYTHON, code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=fds)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("socket.socket()", {}),
        ("socket.socketpair()", {}),
        ("Path(f'/proc/{os.getppid()}/environ').read_bytes()", {}),
        ("Path(f'/proc/{os.getppid()}/mem').open('rb').close()", {}),
        ("os.readlink(f'/proc/{os.getppid()}/fd/0')", {}),
        ("if ctypes.CDLL(None).ptrace(0, 0, 0, 0): raise PermissionError", {}),
        ("os.kill(os.getppid(), 0)", {}),
        ("os.kill(0, 0)", {}),
        ("os.fork() or os._exit(0)", {}),
        ("if os.posix_spawn('/bin/true', ['true'], {}) < 1: raise PermissionError", {}),
        ("resource.prlimit(os.getppid(), resource.RLIMIT_CORE)", {}),
        ("os.symlink('/etc/passwd', 'here')", {}),
        ("os.utime('a file')", {}),
        (
            f"Path('own').touch(0o700); Path('own').write_text({SCRIPT}); os.execv('own', ['it'])",
            {},
        ),
        (f"m = os.memfd_create('m', 0); os.write(m, b{SCRIPT}); {EXECUTE_M}", {}),
        ("Path('own').write_text(''); os.chmod('own', 0o777)", {}),
        ("os.rename('a file', 'another')", {"file_bytes": 0}),
        ("os.unlink('a file')", {"file_bytes": 0}),
        ("os.truncate('a file', 0)", {"file_bytes": 0}),
        ("os.mkdir('folder')", {"file_bytes": 0}),
        ("open('a file', 'r+')", {"file_bytes": 0}),
        ("open('new', 'x')", {"file_bytes": 0}),
        ("open('a file')", {"opens": False}),
        ("os.execv('/bin/true', ['true'])", {"opens": False}),
    ],
)
def test_it_reaches_nothing_else(code: str, limits: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("of someone")
    ended = confined(code, **limits)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("PermissionError")
    assert (tmp_path / "a file").read_text() == "of someone"
    assert attempt(code) == 0


def test_even_an_open_socket_does_not_connect() -> None:
    code = "socket.socket(fileno=int(sys.argv[1])).connect(('127.0.0.1', int(sys.argv[2])))"
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as unconnected:
        arguments = (unconnected.fileno(), listener.getsockname()[1])
        assert "PermissionError" in confined(code, *arguments, fds=arguments[:1]).stderr
        assert attempt(code, *arguments, fds=arguments[:1]) == 0


@pytest.mark.parametrize(("size", "ends"), [(999, 0), (1000, 0), (1001, 1)])
def test_a_file_has_a_largest_size(size: int, ends: int) -> None:
    ended = confined(f"os.write(os.open('f', os.O_WRONLY | os.O_CREAT), bytes({size}))")
    assert ended.returncode == 0  # the kernel writes what fits
    assert Path("f").stat().st_size == min(size, 1000)
    ended = confined(f"open('f', 'wb', buffering=0).truncate({size})")
    assert ended.returncode == ends
    assert ("File too large" in ended.stderr) == bool(ends)


def test_with_no_file_allowed_none_grows_in_memory_either() -> None:
    for growth in ("os.truncate(int(sys.argv[1]), 1)", "os.write(int(sys.argv[1]), b'x')"):
        with os.fdopen(os.memfd_create("m"), "wb") as memory:
            given = (memory.fileno(),)
            assert "File too large" in confined(growth, *given, fds=given, file_bytes=0).stderr
            assert attempt(growth, *given, fds=given) == 0


@pytest.mark.parametrize(("mebibytes", "ends"), [(100, 0), (512, 1)])
def test_memory_has_an_end(mebibytes: int, ends: int) -> None:
    code = f"bytearray({mebibytes} << 20)"
    ended = confined(code)
    assert ended.returncode == ends
    assert ("MemoryError" in ended.stderr) == bool(ends)
    assert attempt(code) == 0


def test_processor_time_has_an_end() -> None:
    code = "while time.process_time() < 1.3: pass"
    assert confined(code, cpu_s=1).returncode == -signal.SIGXCPU
    assert confined(code, cpu_s=2).returncode == 0
    killed = f"assert resource.getrlimit(resource.RLIMIT_CPU) == (9, 9 + {CPU_GRACE_S})"
    assert confined(killed, cpu_s=9).returncode == 0
    unlimited = "assert resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY"
    assert confined(unlimited, cpu_s=None).returncode == 0


@pytest.mark.parametrize(("more", "ends"), [(0, 0), (1, 1)])
def test_only_so_many_files_are_open_at_once(more: int, ends: int) -> None:
    code = f"files = [os.dup(0) for _ in range({FILES_MAX} - 3 + {more})]"
    assert confined(code).returncode == ends
    assert attempt(code) == 0


def test_it_gives_way_to_others() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    its = int(confined("print(os.getpriority(os.PRIO_PROCESS, 0))").stdout)
    assert its == min(ours + NICENESS, 19)


@pytest.mark.parametrize("outside", ["open('../outside', 'w')", "open('../f')", "os.rmdir('../d')"])
def test_its_folder_is_all_there_is(outside: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("of someone")
    (tmp_path / "d").mkdir()
    (tmp_path / "folder").mkdir()
    os.chdir("folder")
    assert "PermissionError" in confined(outside, folder=".").stderr
    inside = outside.replace("../f", "f").replace("../", "")
    (tmp_path / "folder" / "f").write_text("mine")
    (tmp_path / "folder" / "d").mkdir()
    assert confined(inside, folder=".").returncode == 0
    assert attempt(outside) == 0


def test_a_decoder_s_own_doings_work() -> None:
    code = """if True:
        import threading, pyvips
        ran = []
        one = threading.Thread(target=lambda: ran.append(os.getpid()))
        one.start(); one.join()
        os.kill(ran[0], 0)
        image = pyvips.Image.black(64, 64).write_to_buffer('.webp')
        Path('picture').write_bytes(image)
        os.rename('picture', 'renamed')
        assert pyvips.Image.new_from_file('renamed').width == 64
    """
    ended = confined(code, file_bytes=MEBIBYTE)
    assert (ended.returncode, ended.stderr) == (0, "")


def command(*argv: str, cpu_s: str = "10") -> list[str]:
    return [*PROGRAM, str(512 * MEBIBYTE), cpu_s, "1000", "--", *argv]


def test_as_a_program_it_becomes_a_confined_command(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("words")
    said = subprocess.run(command("/bin/cat", "f"), capture_output=True, check=False)
    assert (said.returncode, said.stdout) == (0, b"words")
    for secret in (f"/proc/{os.getpid()}/environ", __file__):
        said = subprocess.run(command("/bin/cat", secret), capture_output=True, check=False)
        assert (said.returncode, said.stdout) == (1, b"")
        assert Path(secret).read_bytes()


def test_a_command_s_processor_time_ends_too() -> None:
    forever = ["/bin/sh", "-c", "while :; do :; done"]
    ended = subprocess.run(command(*forever, cpu_s="1"), check=False)
    assert ended.returncode == -signal.SIGXCPU


def test_what_stops_all_of_us_stops_no_command() -> None:
    ended = subprocess.run(
        command("/bin/sh", "-c", "kill -TERM $$; kill -INT $$; exit 3"), check=False
    )
    assert ended.returncode == 3


def test_a_command_ends_with_who_started_it() -> None:
    started = f"subprocess.Popen({command('/bin/sleep', '60', cpu_s='-')})"
    code = f"import subprocess; print({started}.pid, flush=True); input()"
    with subprocess.Popen(
        [*PYTHON, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        asyncio.run(until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n"))
        parent.kill()
    asyncio.run(until(lambda: gone(pid)))


def test_as_a_program_it_says_how_it_is_used() -> None:
    said = subprocess.run([*PROGRAM, "1", "2", "3", "cat", "f"], capture_output=True, check=False)
    assert said.returncode == 1
    assert b"MEMORY_BYTES CPU_S FILE_BYTES --" in said.stderr
