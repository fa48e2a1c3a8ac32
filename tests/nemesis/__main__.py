"""Tries to break the system, fault by fault, and says what came of it.

    make nemesis                                         # every fault once
    make nemesis ARGS="--rounds 10 --seed 1"             # with ten seeds
    make nemesis ARGS="--only kill --only pause-kafka"   # some of them
    make nemesis ARGS="--only kill-kafka --seed 7"       # one round, as it was

It starts a system of its own and loads it. The exit code is 1 where a promise was broken: its
history stays, and `instastream load check` explains it for as long as the system is there.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from instastream import process
from instastream.terminal import Steps, print_line, show
from tests.nemesis.nemesis import RESULTS, Asked, perform, results
from tests.nemesis.playing import Outcome
from tests.nemesis.schedule import rounds
from tests.nemesis.telling import faults_table, markdown, told, violations_table


def main() -> None:
    """Ask, play, tell."""
    arguments = _parser().parse_args()
    if arguments.list:
        for one in rounds(arguments.seed):
            print_line(one.name)
        return
    if arguments.tell:
        _tell([one for folder in arguments.tell for one in results(folder)], arguments)
        return
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = arguments.out or Path("runs") / f"nemesis-{at}"
    asked = Asked(
        seed=arguments.seed, rounds=arguments.rounds, only=arguments.only, folder=folder.absolute()
    )
    asked.planned()
    folder.mkdir(parents=True)
    with Steps() as steps:
        outcomes = process.complete(perform(asked, steps))
    _tell(outcomes, arguments)
    process.say(f"every round is in {folder / RESULTS}")
    sys.exit(1 if any(one.violations for one in outcomes) else 0)


def _tell(outcomes: list[Outcome], arguments: argparse.Namespace) -> None:
    broken = [one for one in outcomes if one.violations]
    faults = told(outcomes)
    if arguments.markdown:
        for line in markdown(faults):
            print_line(line)
        return
    tables = [faults_table(faults), *([violations_table(broken)] if broken else [])]
    show(faults, *tables, as_json=arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make nemesis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="of when and what; 1 unless given")
    parser.add_argument("--rounds", type=int, default=1, help="how many seeds, from that one on")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT", help="or its kind")
    parser.add_argument("--list", action="store_true", help="name every fault and end")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    parser.add_argument("--markdown", action="store_true", help="print a table for a document")
    parser.add_argument(
        "--tell", action="append", type=Path, metavar="FOLDER", help="play nothing: what was found"
    )
    parser.add_argument("--out", type=Path, help="a new folder, instead of one in runs/")
    return parser


if __name__ == "__main__":
    process.run(main)
