"""The servers' jars: pinned in `jars.lock.json`, fetched from Maven Central, checked, cached."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from msgspec import Struct, json

from instastream.errors import Unready
from instastream.steps import Report

FETCHES_AT_ONCE = 8  # 16 took as long, and Maven Central is a gift to be kind to
ATTEMPTS = 4  # with this back-off it rides out a quarter of a minute without network
BACKOFF_S = 1.0
FETCH_TIMEOUT_S = 30
REPORT_EVERY_BYTES = 256 * 1024  # some 400 reports in all
LOCK_POLL_S = 0.2


class Coordinate(NamedTuple):
    """What Maven calls a jar."""

    group: str
    artifact: str
    version: str
    classifier: str


class Jar(Struct, frozen=True):
    """One file of a Maven repository, exactly."""

    path: str
    sha256: str
    size_bytes: int

    @property
    def coordinate(self) -> Coordinate:
        """`org/a/b/1.0/b-1.0-linux.jar` is (`org.a`, `b`, `1.0`, `linux`)."""
        *group, artifact, version, name = PurePosixPath(self.path).parts
        classifier = name.removeprefix(f"{artifact}-{version}").removesuffix(".jar").lstrip("-")
        return Coordinate(".".join(group), artifact, version, classifier)

    @property
    def mark_ns(self) -> int:
        """The mtime that a checked copy is given: whatever writes to the file removes it."""
        return int(self.sha256[:7], 16) * 10**9


def locked_jars(server: str) -> tuple[Jar, ...]:
    """The jars of `kafka` or `cassandra`, in class path order."""
    lock = files("infra").joinpath("jars.lock.json").read_bytes()
    return json.decode(lock, type=dict[str, tuple[Jar, ...]])[server]


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where downloads are kept, shared between checkouts."""
    if chosen := environ.get("INSTASTREAM_CACHE"):
        return Path(chosen).absolute()
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home(), ".cache")
    return Path(base, "instastream").absolute()


def class_path(jars: Iterable[Jar], cache: Path) -> str:
    """The jars where they lie, in the lock's order."""
    return os.pathsep.join(str(_place(jar, cache)) for jar in jars)


async def install(jars: Iterable[Jar], cache: Path, report: Report) -> None:
    """Fetch what is not there yet, several at once; a jar is only ever seen whole and checked.

    Stopped half-way, the next call goes on with the jars that are missing. Raises Unready.
    """
    wanted = tuple(jars)
    if not _missing(wanted, cache):
        return
    async with _alone(cache):
        missing = _missing(wanted, cache)  # another process may have fetched them meanwhile
        if missing:
            await _fetch_all(missing, cache, report)


def _place(jar: Jar, cache: Path) -> Path:
    return cache / "jars" / jar.path


def _missing(jars: Iterable[Jar], cache: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_whole(jar, _place(jar, cache))]


def _is_whole(jar: Jar, path: Path) -> bool:
    """Hashing 114 MB at each start costs half a second, so an unchanged mark spares it."""
    try:
        stat = path.stat()
    except OSError:
        return False
    if stat.st_size != jar.size_bytes:
        return False
    if stat.st_mtime_ns != jar.mark_ns:
        if not _matches(jar, path):
            return False
        os.utime(path, ns=(jar.mark_ns, jar.mark_ns))
    return True


def _matches(jar: Jar, path: Path) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


@asynccontextmanager
async def _alone(cache: Path) -> AsyncIterator[None]:
    """One process fetches; the lock goes with the process, however it ends."""
    with _lock_file(cache) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_S)
            else:
                break
        yield


def _lock_file(cache: Path) -> IO[str]:
    cache.mkdir(parents=True, exist_ok=True)
    return (cache / "lock").open("w")


async def _fetch_all(jars: list[Jar], cache: Path, report: Report) -> None:
    staging = cache / "partial"
    shutil.rmtree(staging, ignore_errors=True)
    loop = asyncio.get_running_loop()

    def from_thread(step: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(report, step, done, total)

    progress = _Progress(sum(jar.size_bytes for jar in jars), from_thread)
    jars = sorted(jars, key=lambda jar: -jar.size_bytes)  # the longest first: all end together
    pool = ThreadPoolExecutor(FETCHES_AT_ONCE, "jars")
    try:
        await asyncio.gather(
            *(loop.run_in_executor(pool, _fetch, jar, cache, staging, progress) for jar in jars)
        )
    finally:
        progress.stopped.set()  # and the lock is kept until no thread writes any more
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)
    shutil.rmtree(staging, ignore_errors=True)


def _fetch(jar: Jar, cache: Path, staging: Path, progress: "_Progress") -> None:
    why: object = None
    for attempt in range(ATTEMPTS):
        if progress.stopped.wait(BACKOFF_S * attempt**2):
            break
        staged = staging / jar.path
        staged.unlink(missing_ok=True)
        try:
            _download(jar, staging, progress)
        except OSError as error:  # which every error of requests is
            why = error
        except RuntimeError as error:  # how jgo says any status but 200
            why = error
        else:
            if _matches(jar, staged):
                _keep(jar, staged, _place(jar, cache))
                return
            why = "it is not the file that infra/jars.lock.json names"
    raise Unready(f"could not fetch {jar.path}, check the network and run this again: {why}")


def _download(jar: Jar, staging: Path, progress: "_Progress") -> None:
    """Through jgo, a Maven client: it knows where Maven Central is; it follows no dependency."""
    try:
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise Unready("jgo is missing: run `pip install 'instastream[servers]'`") from error
    group, artifact, version, classifier = jar.coordinate
    resolver = PythonResolver(progress_callback=progress.file)
    context = MavenContext(resolver=resolver, repo_cache=staging, timeout=FETCH_TIMEOUT_S)
    context.project(group, artifact).at_version(version).artifact(classifier).resolve()


def _keep(jar: Jar, staged: Path, place: Path) -> None:
    os.utime(staged, ns=(jar.mark_ns, jar.mark_ns))
    place.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(place)


class _Progress:
    """Bytes fetched so far, by all threads; a jar that is tried again starts over."""

    def __init__(self, total: int, report: Report) -> None:
        self.stopped = threading.Event()
        self._total = total
        self._report = report
        self._fetched: dict[str, int] = {}
        self._reported = 0
        self._lock = threading.Lock()

    @contextmanager
    def file(self, name: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """What jgo calls for one download, and then with each piece's length."""

        def add(length: int) -> None:
            if self.stopped.is_set():
                raise InterruptedError("the installation was stopped")
            with self._lock:
                self._fetched[name] += length
                self._tell()

        self._fetched[name] = 0
        yield add

    def _tell(self) -> None:
        done = sum(self._fetched.values())
        if done == self._total or done - self._reported >= REPORT_EVERY_BYTES:
            self._reported = done
            self._report("jars", done, self._total)
