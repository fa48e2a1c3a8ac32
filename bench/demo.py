"""`make demo` from nothing and warm, and the memory of everything it runs."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.command import command
from bench.report import Result, report

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure, print, write `bench/out/demo.json`. Downloads everything once more."""
    command(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "instastream"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        environ = {"PATH": os.environ["PATH"], **_certificates(), "HOME": folder}
        cold_s = _seconds("demo", checkout, environ)
        warm_s = _seconds("demo", checkout, environ)
        _make("up", checkout, environ)
        rss_mb = _rss_mb(checkout, environ)
        _make("down", checkout, environ)
    report(
        "demo",
        [
            Result(name="cold_s", value=cold_s, unit="s"),
            Result(name="warm_s", value=warm_s, unit="s"),
            Result(name="rss_mb", value=rss_mb, unit="MB"),
        ],
    )


def _certificates() -> dict[str, str]:
    """What lets downloads through a proxy of this machine, where there is one."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "HTTPS_PROXY", "https_proxy")
    return {name: os.environ[name] for name in names if name in os.environ}


def _make(target: str, checkout: Path, environ: dict[str, str]) -> None:
    subprocess.run(["make", target], cwd=checkout, env=environ, check=True)


def _seconds(target: str, checkout: Path, environ: dict[str, str]) -> float:
    begun = time.monotonic()
    _make(target, checkout, environ)
    return time.monotonic() - begun


def _rss_mb(checkout: Path, environ: dict[str, str]) -> float:
    """Everything that `make up` runs: servers, API and workers."""
    command = [str(checkout / ".venv/bin/instastream"), "status", "--json"]
    printed = subprocess.run(command, cwd=checkout, env=environ, check=True, stdout=subprocess.PIPE)
    return sum(int(row["rss_bytes"]) for row in json.loads(printed.stdout)) / 1e6


if __name__ == "__main__":
    main()
