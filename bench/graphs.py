"""Seconds and memory to make a graph of a million users and 20 million edges.

igraph draws as many beside it, where `.venv/bin/python -m bench.rivals.install` has put it.

    python -m bench.graphs
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from msgspec import Struct
from rich.console import Console

from bench.command import command
from bench.report import Result, report
from bench.rivals import install
from bench.rivals.starting import INSTALL

DRAWING = Path(install.__file__).with_name("drawing.py")
GRAPH = ("1000000", "20", "2.2")  # users, followees, exponent
ROUNDS = 3  # igraph takes half a minute in each


class Drawn(Struct, frozen=True):
    """What one graph took: seconds, in parts, and the most memory that its process held."""

    seconds: list[float]
    peak_mb: float


def main() -> None:
    """Measure, print, write `bench/out/graphs.json`."""
    command(__doc__).parse_args()
    report("graphs", measure())
    if not install.IGRAPH.exists():
        Console().print(f"igraph is not on this machine: run {INSTALL}.")


def measure() -> list[Result]:
    """Ours, and igraph's where it is installed."""
    pythons = {"ours": Path(sys.executable), "igraph": install.IGRAPH}
    present = {name: path for name, path in pythons.items() if path.exists()}
    drawn: dict[str, list[Drawn]] = {name: [] for name in present}
    for _ in range(ROUNDS):  # taking turns, so that a slow moment hits both
        for name, python in present.items():
            drawn[name].append(_draw(name, python))
    return _results(drawn["ours"], drawn.get("igraph"))


def _draw(name: str, python: Path) -> Drawn:
    argv = [str(python), str(DRAWING), name, *GRAPH]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout:
        said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{name} drew no graph.")
    return Drawn([float(word) for word in said.split()], usage.ru_maxrss / 1_000)


def _results(ours: list[Drawn], igraph: list[Drawn] | None) -> list[Result]:
    """To draw it, to know its followers, too, and memory with both."""
    drawn_s, followers_s = (median(one.seconds[part] for one in ours) for part in range(2))
    peak_mb = median(one.peak_mb for one in ours)
    if igraph is None:
        rival_s = rival_mb = against = None
    else:
        rival_s = median(one.seconds[0] for one in igraph)
        rival_mb = median(one.peak_mb for one in igraph)
        against = "igraph"
    return [
        Result(
            name="graph_1m_s",
            value=drawn_s,
            unit="s",
            ratio=rival_s and rival_s / drawn_s,
            against=against,
        ),
        Result(name="graph_1m_followers_s", value=followers_s, unit="s more"),
        Result(
            name="graph_1m_mb",
            value=peak_mb,
            unit="MB at most",
            ratio=rival_mb and rival_mb / peak_mb,
            against=against,
        ),
    ]


if __name__ == "__main__":
    main()
