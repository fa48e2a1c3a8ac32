"""The whole system on this machine: the servers, what they hold, the API and the workers."""

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from httpx2 import AsyncClient

from infra.native import ports
from infra.native.stack import ProcessSpec, Report, Stack
from infra.native.state import changing_state, read_state
from infra.provision import provision
from instastream.settings import Settings

WORKERS = ("media", "posts", "feeds", "graph")
KEYS = ("INSTASTREAM_TOKEN_KEY", "INSTASTREAM_MEDIA_KEY")
OURS = ("INSTASTREAM_", "AWS_")


def home_of(environ: Mapping[str, str]) -> Path:
    """Where everything that runs here keeps its files."""
    return Path(environ.get("INSTASTREAM_HOME") or ".instastream").absolute()


def stack_of(environ: Mapping[str, str], report: Report) -> Stack:
    """What runs, or will run, in that folder."""
    return Stack(home_of(environ), environ=environ, report=report)


async def up(environ: Mapping[str, str], stack: Stack, report: Report) -> dict[str, str]:
    """Start everything that is not running; returns the environment to use it with."""
    await stack.up()
    own = connect(environ, stack)
    report("topics, tables, bucket", 0, 1)
    await provision(Settings.from_env(own))
    report("topics, tables, bucket", 1, 1)
    await start_processes(own, stack)
    return own


async def start_processes(environ: Mapping[str, str], stack: Stack) -> None:
    """The API and one worker of each kind; `environ` is what `connect` returned."""
    await asyncio.gather(*(stack.run(spec) for spec in _specs(environ)))


def connect(environ: Mapping[str, str], stack: Stack) -> dict[str, str]:
    """What our own processes, and whoever works with this system, must know to reach it."""
    home = home_of(environ)
    given = {name: value for name, value in environ.items() if name.startswith(OURS)}
    api = f"http://127.0.0.1:{_port(home, 'api', environ)}"
    return {"INSTASTREAM_API": api, **_keys(home), **stack.environ(), **given}


def is_up(environ: Mapping[str, str]) -> bool:
    """Whether anything of this folder runs, or should."""
    state = read_state(home_of(environ))
    return state is not None and bool(state.processes)


def _keys(home: Path) -> dict[str, str]:
    """This system's secrets, made when it is first started and kept with what they protect."""
    path = home / "keys.env"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={secrets.token_hex(32)}\n" for name in KEYS))
    return dict(line.split("=") for line in path.read_text().split())


def _port(home: Path, name: str, environ: Mapping[str, str]) -> int:
    """The port that is asked for, else the one it had before, else a free one."""
    with changing_state(home) as state:
        chosen = ports.configured(name, environ) or state.ports.get(name, {}).get("port")
        state.ports[name] = {"port": chosen or ports.free_ports(1)[0]}
        return state.ports[name]["port"]


def _specs(environ: Mapping[str, str]) -> Iterator[ProcessSpec]:
    binaries = Path(sys.executable).parent
    port = environ["INSTASTREAM_API"].rpartition(":")[2]
    yield _spec(
        "api",
        [str(binaries / "instastream"), "api", "--port", port],
        environ,
        url=environ["INSTASTREAM_API"],
        path="/readyz",
        answer="",
    )
    for name in WORKERS:
        port = str(_port(home_of(environ), name, {}))
        yield _spec(
            name,
            [str(binaries / "faust"), "-A", f"streams.{name}", "worker", "-l", "warn"],
            {**environ, "INSTASTREAM_METRICS_PORT": port},
            url=f"http://127.0.0.1:{port}",
            path="/metrics",
            answer=f'instastream_ready{{app="{name}"}} 1.0',
        )


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
    async with AsyncClient() as http:
        response = await http.get(url)
    return response.is_success and answer in response.text
