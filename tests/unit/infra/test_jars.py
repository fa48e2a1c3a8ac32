"""Jars are fetched once, checked against the lock, and never seen half or wrong."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from infra.native import jars
from infra.native.jars import Coordinate, Jar, cache_folder, class_path, install, locked_jars
from instastream.errors import Unready
from instastream.steps import ignore

CONTENT = {f"org/a{n}/1.0/a{n}-1.0.jar": b"jar %d" % n for n in range(4)}
JARS = [
    Jar(path=path, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
    for path, content in CONTENT.items()
]


class Repository:
    """Stands for Maven Central: what it serves, and what was asked of it."""

    def __init__(self) -> None:
        self.content = dict(CONTENT)
        self.asked: list[str] = []
        self.broken: set[str] = set()

    def download(self, jar: Jar, staging: Path, progress: Any) -> None:
        self.asked.append(jar.path)
        place = staging / jar.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(self.content[jar.path][:3])
        if jar.path in self.broken:
            raise ConnectionError("the network went away")
        place.write_bytes(self.content[jar.path])


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository()
    monkeypatch.setattr(jars, "_download", repository.download)
    monkeypatch.setattr(jars, "BACKOFF_S", 0.0)
    return repository


def read(paths: list[str]) -> list[bytes]:
    return [Path(path).read_bytes() for path in paths]


def every_jar() -> list[Jar]:
    """All that the lock names."""
    return [jar for of in ("kafka", "cassandra", "kafka-tools") for jar in locked_jars(of)]


def test_every_jar_of_the_lock_has_a_coordinate_that_leads_back_to_it() -> None:
    for jar in every_jar():
        group, artifact, version, classifier = jar.coordinate
        name = "-".join(part for part in (artifact, version, classifier) if part)
        assert jar.path == f"{group.replace('.', '/')}/{artifact}/{version}/{name}.jar"


def test_a_classifier_is_told_from_the_version() -> None:
    jar = Jar(path="io/netty/tc/2.0.Final/tc-2.0.Final-linux-x86_64.jar", sha256="", size_bytes=0)
    assert jar.coordinate == Coordinate("io.netty", "tc", "2.0.Final", "linux-x86_64")


def test_file_names_are_unique_because_progress_is_counted_by_them() -> None:
    names = [Path(jar.path).name for jar in every_jar()]
    assert len(names) == len(set(names))


def test_the_cache_is_shared_unless_chosen() -> None:
    assert cache_folder({"INSTASTREAM_CACHE": "/c", "HOME": "/h"}) == Path("/c")
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/instastream")
    assert cache_folder({"HOME": "/h"}) == Path("/h/.cache/instastream")


async def test_jars_are_fetched_once(repository: Repository, tmp_path: Path) -> None:
    await install(JARS, tmp_path, ignore)
    await install(JARS, tmp_path, ignore)
    assert sorted(repository.asked) == sorted(CONTENT)
    assert read(class_path(JARS, tmp_path).split(os.pathsep)) == list(CONTENT.values())


async def test_an_interrupted_download_goes_on_where_it_stopped(
    repository: Repository, tmp_path: Path
) -> None:
    repository.broken = {JARS[1].path}
    with pytest.raises(Unready, match="the network went away"):
        await install(JARS, tmp_path, ignore)
    assert repository.asked.count(JARS[1].path) == jars.ATTEMPTS
    there = [jar for jar in JARS if (tmp_path / "jars" / jar.path).exists()]
    assert JARS[1] not in there, "half a jar was kept"

    repository.broken, repository.asked = set(), []
    await install(JARS, tmp_path, ignore)
    assert sorted(repository.asked) == sorted(jar.path for jar in JARS if jar not in there)


async def test_a_jar_that_is_not_the_locked_one_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    repository.content[JARS[2].path] = b"evil 2"
    with pytest.raises(Unready, match=r"not the file that infra/jars.lock.json names"):
        await install(JARS, tmp_path, ignore)
    assert not (tmp_path / "jars" / JARS[2].path).exists()


@pytest.mark.parametrize("damage", [b"jar X", b"", b"a longer one"])
async def test_a_jar_damaged_later_is_replaced(
    repository: Repository, tmp_path: Path, damage: bytes
) -> None:
    await install(JARS, tmp_path, ignore)
    place = tmp_path / "jars" / JARS[0].path
    place.write_bytes(damage)
    repository.asked = []
    await install(JARS, tmp_path, ignore)
    assert repository.asked == [JARS[0].path]
    assert place.read_bytes() == CONTENT[JARS[0].path]


async def test_a_copied_cache_is_checked_and_used(repository: Repository, tmp_path: Path) -> None:
    for path, content in CONTENT.items():
        place = tmp_path / "jars" / path
        place.parent.mkdir(parents=True)
        place.write_bytes(content)
    await install(JARS, tmp_path, ignore)
    assert repository.asked == []


async def test_two_at_once_fetch_each_jar_once(repository: Repository, tmp_path: Path) -> None:
    await asyncio.gather(*(install(JARS, tmp_path, ignore) for _ in range(2)))
    assert sorted(repository.asked) == sorted(CONTENT)


def test_progress_counts_a_repeated_jar_once() -> None:
    told: list[tuple[int, int]] = []
    progress = jars._Progress(10, lambda step, done, total: told.append((done, total)))
    with progress.file("a", 6) as add:
        add(4)
    with progress.file("a", 6) as add:
        add(6)
    with progress.file("b", 4) as add:
        add(4)
    assert told == [(10, 10)]
    progress.stopped.set()
    with progress.file("c", 1) as add, pytest.raises(InterruptedError):
        add(1)
