"""How long the system takes to work again after each fault of the nemesis, and what it broke.

Seconds from when a fault is healed, and a killed process started again, until all servers answer
and something new was posted, seen by a follower, liked and counted: the median of the rounds. The
fault `nothing` says what that takes when all is well.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.command import command
from bench.report import Result, report
from instastream.terminal import Steps
from tests.nemesis.nemesis import Asked, perform
from tests.nemesis.telling import Told, told


def main() -> None:
    """Measure, print, write `bench/out/recovery.json`."""
    parser = command(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; 1 unless given")
    parser.add_argument("--rounds", type=int, default=1, help="of each fault")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT", help="or its kind")
    given = parser.parse_args()
    with TemporaryDirectory() as folder, Steps() as steps:
        asked = Asked(seed=given.seed, rounds=given.rounds, only=given.only, folder=Path(folder))
        outcomes = asyncio.run(perform(asked, steps))
    report("recovery", [result for one in told(outcomes) for result in _results(one)])


def _results(one: Told) -> list[Result]:
    name = one.fault.replace("-", "_")
    return [
        Result(name=f"{name}_recovery_s", value=one.recovery_s, unit="s"),
        Result(name=f"{name}_violations", value=one.violations, unit="violations"),
    ]


if __name__ == "__main__":
    main()
