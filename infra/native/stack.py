"""The stack of one data folder: five servers, and the processes of ours that use them."""

import asyncio
import shutil
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from infra.native import ports, probes, processes
from infra.native.jars import cache_folder, install, locked_jars
from infra.native.keys import keep_keys, read_keys
from infra.native.machine import check_machine, program
from infra.native.processes import ProcessSpec, Running
from infra.native.servers import JVM_SERVERS, SERVERS, Site
from infra.native.state import State, changing_state, read_state
from instastream.errors import Unready
from instastream.settings import EDGE_KEY
from instastream.steps import Report

REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
DEFAULT_PORTS = {"https": 443, "http": 80, **dict.fromkeys(REDIS_SCHEMES, 6379)}


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where the servers answer. Keys are empty when the object store is somebody else's."""

    kafka: str  # host:port, several separated by commas
    cassandra: str  # the same
    redis: str  # redis://
    s3: str  # http:// or https://
    edge: str  # http:// or https://, with no slash at the end
    s3_access_key: str
    s3_secret_key: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """One row for people: `state` is running, stopped, died or given (by its address)."""

    name: str
    state: str
    pid: int | None
    url: str
    rss_bytes: int
    log: str

    @classmethod
    def stopped(cls, name: str) -> "Status":
        """What does not run."""
        return cls(name=name, state="stopped", pid=None, url="", rss_bytes=0, log="")


class Stack:
    """Starts, stops and finds again everything that runs in one data folder.

    A server whose address is in the environment (`INSTASTREAM_KAFKA` and so on) is used as it
    is, neither started nor stopped. Every method raises Unready with a sentence for people.
    """

    def __init__(self, home: Path, *, environ: Mapping[str, str], report: Report) -> None:
        self._home = home.absolute()
        self._environ = environ
        self._report = report
        self._given = {name: url for name in SERVERS if (url := environ.get(variable(name)))}
        self._specs: dict[str, ProcessSpec] = {}

    @property
    def endpoints(self) -> Endpoints:
        """Where the servers answer, once `up` has been called, by whichever launcher."""
        return self._endpoints(read_state(self._home) or State())

    def environ(self) -> dict[str, str]:
        """What our own processes read to find the servers."""
        found = self.endpoints
        environ = {variable(name): getattr(found, name) for name in SERVERS}
        if found.s3_access_key:
            environ["AWS_ACCESS_KEY_ID"] = found.s3_access_key
            environ["AWS_SECRET_ACCESS_KEY"] = found.s3_secret_key
        return environ

    async def up(self) -> Endpoints:
        """Start the servers that don't run yet; returns when all of them do their work."""
        native = [name for name in SERVERS if name not in self._given]
        check_machine(self._home, native)
        asked_for = self._ports_asked_for()
        programs = {name: program(name, self._environ) for name in native}
        cache = cache_folder(self._environ)
        jars = [jar for name in native if name in JVM_SERVERS for jar in locked_jars(name)]
        await install(jars, cache, self._report)
        with changing_state(self._home) as state:
            keep_keys(self._home)
            for name in native:
                state.ports[name] = self._allot(name, state, asked_for)
        for name in native:
            self._specs[name] = SERVERS[name].spec(self._site(name, state, programs[name], cache))
        await _all(
            *(self._ensure(self._specs[name]) for name in native),
            *(self._check_given(name) for name in self._given),
        )
        return self.endpoints

    async def run(self, spec: ProcessSpec) -> None:
        """Start a process of ours, unless it runs, and wait until it is ready."""
        self._specs[spec.name] = spec
        await self._ensure(spec)

    async def start(self, name: str) -> None:
        """Start again, on the same ports, what `up` or `run` of this object has started once."""
        if name not in self._specs:
            raise Unready(f"{name} was not started here yet: run `instastream up`")
        await self._ensure(self._specs[name])

    async def stop(self, name: str) -> None:
        """Let it finish, within its time limit, and forget it. Nothing to do when it is gone."""
        running = self._running(name)
        if running is None:
            return
        step = f"{name} stopped"
        self._report(step, 0, 1)
        await processes.stop(running)
        with changing_state(self._home) as state:
            if state.processes.get(name) == running:
                del state.processes[name]
        self._report(step, 1, 1)

    def kill(self, name: str) -> None:
        """SIGKILL, without warning: what a crash does. `start` brings it back."""
        if running := self._running(name):
            processes.kill(running)

    async def down(self) -> None:
        """Stop everything that was started here: what uses before what is used."""
        state = read_state(self._home) or State()
        own = [name for name in state.processes if name not in SERVERS]
        await _all(*(self.stop(name) for name in own))
        await self.stop("edge")
        await _all(*(self.stop(name) for name in SERVERS))

    def status(self) -> list[Status]:
        """Every server, then our own processes."""
        state = read_state(self._home) or State()
        names = [*SERVERS, *(name for name in state.processes if name not in SERVERS)]
        return [self._row(name, state) for name in names]

    def _row(self, name: str, state: State) -> Status:
        running = state.processes.get(name)
        if running is None:
            stopped = Status.stopped(name)
            url = self._given.get(name)
            return replace(stopped, state="given", url=url) if url else stopped
        alive = processes.is_alive(running)
        return Status(
            name=name,
            state="running" if alive else "died",
            pid=running.pid if alive else None,
            url=running.url,
            rss_bytes=processes.rss_bytes(running),
            log=running.log,
        )

    def _running(self, name: str) -> Running | None:
        state = read_state(self._home)
        return state.processes.get(name) if state else None

    def _endpoints(self, state: State) -> Endpoints:
        urls = {name: self._url(name, state) for name in SERVERS}
        access_key, secret_key = state.s3_access_key, state.s3_secret_key
        if "s3" in self._given:
            access_key = self._environ.get("AWS_ACCESS_KEY_ID", "")
            secret_key = self._environ.get("AWS_SECRET_ACCESS_KEY", "")
        return Endpoints(**urls, s3_access_key=access_key, s3_secret_key=secret_key)

    def _url(self, name: str, state: State) -> str:
        if given := self._given.get(name):
            return given.rstrip("/") if name in ("s3", "edge") else given
        if name not in state.ports:
            raise Unready(f"{name} was not started in {self._home} yet: run `instastream up`")
        return SERVERS[name].url.format(**state.ports[name])

    def _allot(self, name: str, state: State, asked_for: set[int]) -> dict[str, int]:
        """The server's ports: where it runs, as configured, as remembered, or free ones."""
        remembered = state.ports.get(name, {})
        wanted = ports.configured(name, self._environ)
        running = state.processes.get(name)
        if running and processes.is_alive(running):
            if wanted not in (None, remembered["port"]):
                raise Unready(
                    f"{name} runs on port {remembered['port']}: "
                    f"run `instastream down` before you move it to {wanted}"
                )
            return remembered
        if ports.still_free(remembered):
            chosen = remembered
        else:
            chosen = SERVERS[name].free_ports(state.ports_taken | asked_for)
        return chosen | {"port": wanted or remembered.get("port") or chosen["port"]}

    def _ports_asked_for(self) -> set[int]:
        return {port for name in SERVERS if (port := ports.configured(name, self._environ))}

    def _site(self, name: str, state: State, path: Path, cache: Path) -> Site:
        folder = self._home / name
        folder.mkdir(parents=True, exist_ok=True)
        return Site(
            folder=folder,
            program=path,
            cache=cache,
            ports=state.ports[name],
            s3=self._url("s3", state),
            s3_access_key=state.s3_access_key,
            s3_secret_key=state.s3_secret_key,
            edge_key=self._edge_key(),
        )

    def _edge_key(self) -> bytes:
        own = read_keys(self._home)
        return bytes.fromhex(self._environ.get(EDGE_KEY) or own[EDGE_KEY])

    async def _ensure(self, spec: ProcessSpec) -> None:
        step = f"{spec.name} ready"
        self._report(step, 0, 1)
        await processes.until_ready(spec, self._start_unless_alive(spec))
        self._report(step, 1, 1)

    def _start_unless_alive(self, spec: ProcessSpec) -> Running:
        name = spec.name
        with changing_state(self._home) as state:
            running = state.processes.get(name)
            if running and processes.is_alive(running):
                return running
            if running:
                processes.kill(running)  # children may outlive it, and hold its port
            if name in state.ports:
                ports.check_free(name, state.ports[name]["port"])
            if name in SERVERS:
                _empty(self._home / name / "tmp")
            log = spec.log or self._home / "logs" / f"{name}.log"
            state.processes[name] = processes.spawn(spec, log)
            return state.processes[name]

    async def _check_given(self, name: str) -> None:
        addresses = [_address(part) for part in self._given[name].split(",")]
        for host, port in addresses:
            if await probes.listens(host, port):
                return
        tried = ", ".join(f"{host}:{port}" for host, port in addresses)
        raise Unready(f"nothing answers at {tried}, which {variable(name)} names: start it there")


def variable(name: str) -> str:
    """What names a server of the user's own in the environment."""
    return f"INSTASTREAM_{name.upper()}"


def _address(given: str) -> tuple[str, int]:
    """Host and port of `host:port` or of a URL, whose password no message must show."""
    parts = urlsplit(given if "://" in given else f"//{given}")
    return parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


async def _all(*steps: Coroutine[object, object, None]) -> None:
    """All at once; the first failure ends the others' waiting and is raised as it is."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _empty(folder: Path) -> None:
    """What a killed server left in its temporary folder is never used again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
