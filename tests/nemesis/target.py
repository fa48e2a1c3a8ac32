"""The system that things are done to: its processes, and what stands between them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from infra import local
from infra.native.processes import ProcessSpec
from infra.native.stack import Stack, Status, variable
from infra.provision import provision
from instastream.errors import Unready
from instastream.settings import Settings
from instastream.steps import Report
from tests.nemesis.clocks import SharedClock
from tests.nemesis.relaying import Relays
from tests.nemesis.traces import Place

SERVERS = ("kafka", "cassandra", "redis", "s3", "edge")
NETWORKED = ("kafka", "cassandra", "redis", "s3")
ON_DISKS = {"kafka": 300, "cassandra": 600, "s3": 600}  # MiB: what many rounds leave, twice
KEPT_ENVIRON = ("INSTASTREAM_JAVA", "INSTASTREAM_CACHE")
# Grace is longer than anybody is paused; some authors among a dozen users have many followers.
CHOSEN = {
    "INSTASTREAM_MEDIA_GRACE_S": "60",
    "INSTASTREAM_PULL_FROM": "6",
    "INSTASTREAM_PUSH_BELOW": "4",
}
MIB = 1 << 20
SLACK_BYTES, FILL_TRIES = 65_536, 20


@dataclass(frozen=True)
class Disk:
    """A file system in memory, which is as large as it is told to be."""

    folder: Path
    size_mib: int

    def fill(self) -> None:
        """From now on there is no room, or less than SLACK_BYTES."""
        for _ in range(FILL_TRIES):
            used = os.statvfs(self.folder)
            try:
                return self._resize((used.f_blocks - used.f_bfree) * used.f_frsize + SLACK_BYTES)
            except Unready:  # more is used by now
                continue
        raise Unready(f"{self.folder} fills faster than it is made smaller")

    def free(self) -> None:
        """There is again."""
        self._resize(self.size_mib * MIB)

    def _resize(self, size_bytes: int) -> None:
        _mount("-o", f"remount,size={size_bytes}", str(self.folder))


@dataclass(frozen=True)
class Target:
    """What runs. Where it was not made for this, some of what can be done to others can't."""

    stack: Stack
    environ: Mapping[str, str]  # of its processes
    settings: Settings  # of whoever looks at its servers: nothing stands between
    relays: Relays | None = None
    disks: Mapping[str, Disk] = field(default_factory=dict)
    clock: SharedClock | None = None
    clock_file: Path | None = None
    poisoned: set[Place] = field(default_factory=set)  # whoever reads these again buries them again

    @property
    def api(self) -> str:
        """Where it answers."""
        return self.environ[local.API]

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.stack.kill(name)

    async def start(self, name: str) -> None:
        """Start it again; returns when it is ready."""
        await self.stack.start(name)

    async def stop(self, name: str) -> None:
        """SIGTERM, and wait."""
        await self.stack.stop(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """To a process and those that it started."""
        [pid] = [row.pid for row in self.stack.status() if row.name == name]
        if pid is None:
            raise Unready(f"{name} does not run")
        os.killpg(pid, number)

    def ended(self) -> list[Status]:
        """What should run, and does not."""
        return [row for row in self.stack.status() if row.state in ("died", "stopped")]

    def another(self, worker: str, called: str, *, group: str = "") -> ProcessSpec:
        """One more worker of a kind; of a group of its own where that has a name to add."""
        spec = local.worker(worker, self.environ, called=called)
        if group:
            return replace(spec, argv=_altered(spec, "group", group))
        return self.altered(spec)

    def altered(self, spec: ProcessSpec) -> ProcessSpec:
        """With the clock of this system."""
        if self.clock_file is None:
            return spec
        return replace(spec, argv=_altered(spec, "clock", str(self.clock_file)))


def _altered(spec: ProcessSpec, alteration: str, value: str) -> list[str]:
    program = spec.argv[spec.argv.index("streams") if "streams" in spec.argv else 0 :]
    return [sys.executable, "-m", "tests.nemesis.altered", alteration, value, *program]


@asynccontextmanager
async def standing(home: Path, report: Report, *, disks: bool) -> AsyncIterator[Target]:
    """A system of its own, with relays before its servers; its servers may have disks that fill."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(local.OURS)}
    kept = {name: os.environ[name] for name in KEPT_ENVIRON if name in os.environ}
    given = {**own, **kept, **CHOSEN, local.HOME: str(home)}
    async with AsyncExitStack() as exits:
        mounted = {name: exits.enter_context(_disk(home / name)) for name in ON_DISKS if disks}
        stack = local.stack_of(given, report)
        local.prepare(given)
        exits.push_async_callback(stack.down)
        await stack.up()
        direct = local.connect(given, stack)
        addresses = {name: _address(direct[variable(name)]) for name in NETWORKED}
        relays = exits.enter_context(Relays(addresses))
        exits.push_async_callback(stack.down)  # also before the relays are gone
        await _lead_through(relays, direct, stack, home)
        await provision(Settings.from_env(direct))
        relayed = {
            variable(name): _through(relays.ports[name], direct[variable(name)])
            for name in NETWORKED
        }
        file = home / "clock"
        clock = exits.enter_context(SharedClock.made(file))
        settings = Settings.from_env(direct)
        target = Target(stack, direct | relayed, settings, relays, mounted, clock, file)
        for spec in local.specs(target.environ):
            await stack.run(target.altered(spec))
        yield target


def _address(given: str) -> tuple[str, int]:
    parts = urlsplit(given if "://" in given else f"//{given}")
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _through(port: int, address: str) -> str:
    return address.replace(f":{_address(address)[1]}", f":{port}")


async def _lead_through(
    relays: Relays, direct: Mapping[str, str], stack: Stack, home: Path
) -> None:
    """Kafka tells its clients where it is, and the edge is told where its origin is: the relays."""
    for name, file, before, server in (
        ("kafka", "server.properties", "advertised.listeners=PLAINTEXT://", "kafka"),
        ("edge", "nginx.conf", "upstream origin { server ", "s3"),
    ):
        host, port = _address(direct[variable(server)])
        path, told = home / name / file, f"{before}{host}:{port}"
        config = await asyncio.to_thread(path.read_text)
        assert told in config
        config = config.replace(told, f"{before}{host}:{relays.ports[server]}")
        await stack.stop(name)
        await asyncio.to_thread(path.write_text, config)
        await stack.start(name)


@contextmanager
def _disk(folder: Path) -> Iterator[Disk]:
    folder.mkdir(parents=True, exist_ok=True)
    disk = Disk(folder, ON_DISKS[folder.name])
    _mount("-t", "tmpfs", "-o", f"size={disk.size_mib}m", "instastream-nemesis", str(folder))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unready(f"a disk that fills is a file system to mount: {done.stderr.strip()}")
