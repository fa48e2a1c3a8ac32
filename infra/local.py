"""The whole system on this machine: the servers, what they hold, the API and the workers."""

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from httpx2 import AsyncClient

from infra.native import ports, servers
from infra.native.keys import keep_keys, read_keys
from infra.native.processes import ProcessSpec, is_alive
from infra.native.stack import Stack, Status, variable
from infra.native.state import State, changing_state, read_state
from infra.provision import provision
from instastream.errors import Unready
from instastream.settings import EDGE_KEY, Settings
from instastream.steps import Report, ignore

WORKERS = ("media", "video", "posts", "feeds", "graph", "ledger", "engagement")
OURS = ("INSTASTREAM_", "AWS_", "OTEL_")
HOME, CONNECTED = "INSTASTREAM_HOME", "INSTASTREAM_CONNECTED"
API, S3, EDGE = "INSTASTREAM_API", "INSTASTREAM_S3", "INSTASTREAM_EDGE"
SERVERS = tuple(map(variable, servers.SERVERS))


def chosen(environ: Mapping[str, str]) -> dict[str, str]:
    """What the user chose: without what `instastream env` added for other programs to read.

    And without credentials of an object store where it is our own that is used.
    """
    added = _exported(environ.get(CONNECTED))
    kept = {name: value for name, value in environ.items() if added.get(name) != value}
    if S3 in kept:
        return kept
    return {name: value for name, value in kept.items() if not name.startswith("AWS_")}


def _exported(home: str | None) -> dict[str, str]:
    """What a shell that is connected to a folder was told, as far as the folder still knows."""
    if home is None:
        return {}
    of_home = {HOME: home}
    with suppress(Unready):
        return connect(of_home, stack_of(of_home, report=ignore))
    return {}


def path_of(environ: Mapping[str, str]) -> str:
    """A shell's PATH, and at its end what finds our commands, `faust` too."""
    path, binaries = environ.get("PATH", os.defpath), str(Path(sys.executable).parent)
    return path if binaries in path.split(":") else f"{path}:{binaries}"


def home_of(environ: Mapping[str, str]) -> Path:
    """Where everything that runs here keeps its files."""
    return Path(environ.get(HOME) or environ.get(CONNECTED) or ".instastream").absolute()


def stack_of(environ: Mapping[str, str], report: Report) -> Stack:
    """What runs, or will run, in that folder."""
    return Stack(home_of(environ), environ=environ, report=report)


async def up(environ: Mapping[str, str], stack: Stack, report: Report) -> dict[str, str]:
    """Start everything that is not running; returns the environment to use it with."""
    prepare(environ)
    await stack.up()
    own = connect(environ, stack)
    report("topics, tables, bucket", 0, 1)
    await provision(Settings.from_env(own))
    report("topics, tables, bucket", 1, 1)
    await start_processes(own, stack)
    return own


def prepare(environ: Mapping[str, str]) -> None:
    """Secrets and a port for the API, once; what is set wrong is said before anything starts."""
    home = home_of(environ)
    if environ.get(EDGE) and not environ.get(EDGE_KEY):
        raise Unready(f"{EDGE} is given without the {EDGE_KEY} that it checks links by: give both")
    with changing_state(home) as state:
        keep_keys(home)
        _allot("api", state, ports.configured("api", environ))
    Settings.from_env({**dict.fromkeys(SERVERS, "to come"), **read_keys(home), **_given(environ)})


async def start_processes(environ: Mapping[str, str], stack: Stack) -> None:
    """The API and one worker of each kind; `environ` is what `connect` returned."""
    await asyncio.gather(*(stack.run(spec) for spec in specs(environ)))


def connect(environ: Mapping[str, str], stack: Stack) -> dict[str, str]:
    """What our own processes, and whoever works with this system, must know to reach it."""
    home = home_of(environ)
    return {**_api(home), **read_keys(home), **stack.environ(), **_given(environ)}


@contextmanager
def alone(environ: Mapping[str, str], what: str) -> Iterator[None]:
    """Nobody else does this in this folder, or raises Unready at once."""
    home = home_of(environ)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / f"{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unready(f"another `{what}` is at work in {home}: wait for it to end") from None
        yield


def forget(environ: Mapping[str, str]) -> None:
    """Remove what a system has kept, where there was one; raises Unready while any of it runs."""
    home = home_of(environ)
    state = read_state(home)
    if state is None:
        return
    if running := [name for name, one in state.processes.items() if is_alive(one)]:
        raise Unready(f"{home} is kept: {', '.join(running)} of it still run")
    shutil.rmtree(home)


def is_up(environ: Mapping[str, str]) -> bool:
    """Whether anything of this folder runs, or should."""
    state = read_state(home_of(environ))
    return state is not None and bool(state.processes)


def status(stack: Stack) -> list[Status]:
    """Every server, the API and the workers, also those that were never started."""
    rows = stack.status()
    absent = [name for name in ("api", *WORKERS) if name not in {row.name for row in rows}]
    return [*rows, *map(Status.stopped, absent)]


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """Of ours; where the API answers is not for the environment to say, but for its folder."""
    ours = {name: value for name, value in environ.items() if name.startswith(OURS)}
    ours.pop(API, None)
    return ours


def _api(home: Path) -> dict[str, str]:
    state = read_state(home)
    allotted = state.ports.get("api") if state else None
    return {API: f"http://127.0.0.1:{allotted['port']}"} if allotted else {}


def _allot(name: str, state: State, wanted: int | None = None) -> int:
    """The port that is asked for, else the one it had before, else a free one."""
    had = state.ports.get(name, {}).get("port")
    port = wanted or had or ports.free_ports(1, state.ports_taken)[0]
    state.ports[name] = {"port": port}
    return port


def specs(environ: Mapping[str, str]) -> Iterator[ProcessSpec]:
    """How the API and the workers are run."""
    port = environ[API].rpartition(":")[2]
    yield _spec(
        "api",
        [str(Path(sys.executable).with_name("instastream")), "api", "--port", port],
        environ,
        url=environ[API],
        path="/readyz",
        answer="",
    )
    yield from (worker(name, environ) for name in WORKERS)


def worker(name: str, environ: Mapping[str, str], *, called: str = "") -> ProcessSpec:
    """How a worker is run; by another name it runs beside the first."""
    with changing_state(home_of(environ)) as state:
        wanted = ports.configured(called or name, environ)
        port = str(_allot(called or name, state, wanted))
    return _spec(
        called or name,
        faust(name),
        {**environ, "INSTASTREAM_METRICS_PORT": port},
        url=f"http://127.0.0.1:{port}",
        path="/metrics",
        answer=f'instastream_ready{{app="{name}"}} 1.0',
    )


def faust(name: str) -> list[str]:
    """The command that runs a worker: Faust's."""
    program = [sys.executable, "-P", "-m", "streams"]
    return [*program, "--quiet", "-A", f"streams.{name}", "worker"]


def _spec(
    name: str, argv: list[str], environ: Mapping[str, str], *, url: str, path: str, answer: str
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=argv,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **environ},
        cwd=home_of(environ),
        ready=partial(_answers, url + path, answer),
        url=url,
    )


async def _answers(url: str, answer: str) -> bool:
    async with AsyncClient(trust_env=False) as http:  # no proxy between us and ourselves
        response = await http.get(url)
    return response.is_success and answer in response.text
