"""Processes that outlive the launcher: started, recognised again, stopped, killed (Linux)."""

import asyncio
import json
import os
import shlex
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from instastream.errors import Unready

READY_TIMEOUT_S = 180  # eighty times what the slowest server needs on an idle machine
PROBE_TIMEOUT_S = 5
STOP_TIMEOUT_S = 30  # Cassandra flushes and Kafka hands over in two; then SIGKILL
KILL_TIMEOUT_S = 5  # the kernel still takes a gigabyte apart
POLL_S = 0.03


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """How to run one process, and how to know that it is ready.

    `ready` is asked again and again until it says True; what it raises means "not yet".
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]  # the whole of it: nothing is inherited
    cwd: Path
    ready: Callable[[], Awaitable[bool]]
    log: Path | None = None  # None: `logs/NAME.log` in the home folder
    url: str = ""  # for people, in `status`
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = STOP_TIMEOUT_S
    ready_timeout_s: float = READY_TIMEOUT_S


class Running(Struct, frozen=True, kw_only=True):
    """A process that was started; `born` tells it from a later one with the same pid."""

    pid: int
    born: str
    log: str
    url: str
    stop_signal: int
    stop_timeout_s: float


def spawn(spec: ProcessSpec, log: Path) -> Running:
    """Start in a session of its own: no Ctrl-C and no hang-up of our terminal reaches it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))  # the run before; so no log grows for ever
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", 'umask 077; cd "$0" && exec "$@"', str(spec.cwd), *spec.argv],
        spec.env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGHUP],  # Python ignores the first
    )
    return Running(
        pid=pid,
        born=_born(pid),
        log=str(log),
        url=spec.url,
        stop_signal=spec.stop_signal,
        stop_timeout_s=spec.stop_timeout_s,
    )


def is_alive(running: Running) -> bool:
    """Whether this very process is still there."""
    if _born(running.pid) != running.born:
        return False
    with suppress(ChildProcessError):  # it is a child only of the launcher that started it
        os.waitpid(running.pid, os.WNOHANG)
    return not _has_ended(_fields(running.pid))


async def until_ready(spec: ProcessSpec, running: Running) -> None:
    """Return when the process is ready; raise Unready at once when it ends, or in the end."""
    deadline = time.monotonic() + spec.ready_timeout_s
    why = "no answer"
    while is_alive(running):
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                if await spec.ready() and is_alive(running):  # and not another on its port
                    return
        except Exception as error:  # a server that starts may answer anything
            why = repr(error)
        if time.monotonic() > deadline:
            raise Unready(
                f"{spec.name} is not ready after {spec.ready_timeout_s:g} s ({why}); "
                + _end(running)
            )
        await asyncio.sleep(POLL_S)
    raise Unready(f"{spec.name} ended while starting; " + _end(running))


async def stop(running: Running) -> None:
    """Ask it to stop, wait, and kill what is left of it and its children."""
    if is_alive(running):
        with suppress(ProcessLookupError):
            os.kill(running.pid, running.stop_signal)
        for _ in range(round(running.stop_timeout_s / POLL_S)):
            if not is_alive(running):
                break
            await asyncio.sleep(POLL_S)
    kill(running)


def kill(running: Running) -> None:
    """SIGKILL to it and all its children, as the kernel does when memory is out."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while (pids := _session(running)) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
        is_alive(running)  # reaps it


def rss_bytes(running: Running) -> int:
    """Resident memory of the process and its children."""
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return page_bytes * sum(int(_fields(pid)[21]) for pid in _session(running) if _fields(pid))


def shell(*commands: Sequence[str], unless: Path) -> list[str]:
    """argv that runs the first of two commands unless that file exists, and becomes the second."""
    first, second = (shlex.join(command) for command in commands)
    exists = shlex.join(["test", "-e", str(unless)])
    return ["/bin/sh", "-c", f"{exists} || {first} || exit; exec {second}"]


def _end(running: Running) -> str:
    """Of a stack, what was raised in the end: the last line that is not indented."""
    lines = Path(running.log).read_text(errors="replace").splitlines()
    said = [_message(line) for line in lines if line[:1].strip()]
    return f"{running.log} ends: {said[-1] if said else 'nothing was said'}"


def _message(line: str) -> str:
    """What a line says, where it is one of JSON."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line


def _session(running: Running) -> list[int]:
    """The pids of its session that still run, which may outlive its leader."""
    born = _born(running.pid)
    if born not in ("", running.born) or running.born.partition(":")[0] != _boot_id():
        return []  # the pid is another's by now
    return [pid for pid in _pids() if _is_member(pid, running.pid)]


def _is_member(pid: int, session: int) -> bool:
    fields = _fields(pid)
    return not _has_ended(fields) and int(fields[3]) == session


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _has_ended(fields: list[str]) -> bool:
    """Nothing is left of it, or nothing but its exit status.

    A killed JVM is a zombie at once, and holds its ports until the last of its threads is gone.
    """
    return not fields or (fields[0] in ("Z", "X") and int(fields[17]) <= 1)


def _born(pid: int) -> str:
    """The boot and the tick at which the process started; empty when there is none."""
    fields = _fields(pid)
    return f"{_boot_id()}:{fields[19]}" if fields else ""


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _fields(pid: int) -> list[str]:
    """`/proc/PID/stat` from its third field on, see proc(5); the second may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
