"""The whole schedule against a system of its own, with one seed after another."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from infra import local
from instastream.errors import Unready
from instastream.steps import ignore
from instastream.terminal import Steps
from tests.nemesis.playing import Outcome, play
from tests.nemesis.schedule import Round, rounds
from tests.nemesis.target import SERVERS, Target, standing

HOME, RESULTS, HISTORIES = "home", "nemesis.json", "histories"


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be played; its results, and the histories of rounds that found something, in a
    folder."""

    seed: int
    rounds: int  # how many seeds
    only: Sequence[str]
    folder: Path

    def planned(self) -> list[Round]:
        """In order; raises Unready where there is no such fault."""
        seeds = range(self.seed, self.seed + self.rounds)
        return [one for seed in seeds for one in rounds(seed, self.only)]


def results(folder: Path) -> list[Outcome]:
    """What was played into a folder; raises Unready where nothing was."""
    try:
        return msgspec.json.decode((folder / RESULTS).read_bytes(), type=list[Outcome])
    except (OSError, msgspec.DecodeError) as error:
        raise Unready(f"{folder} has no results of a nemesis: {error}") from error


async def perform(asked: Asked, steps: Steps) -> list[Outcome]:
    """Round by round; what is known so far is in the folder all the time."""
    planned, outcomes = asked.planned(), list[Outcome]()
    disks = any(one.fault == "fill" for one in planned)
    home = asked.folder / HOME
    async with standing(home, steps.report, disks=disks) as target:
        for number, one in enumerate(planned):
            steps.report("rounds", number, len(planned))
            history = asked.folder / HISTORIES / f"{one.seed}-{one.name}"
            outcome = await play(one, target, history, ignore)
            outcomes.append(outcome)
            await asyncio.to_thread(_keep, asked.folder, outcomes, history)
            if outcome.violations:
                await _mend(target)
            steps.say(_line(outcome))
        steps.report("rounds", len(planned), len(planned))
    await asyncio.to_thread(shutil.rmtree, home)
    return outcomes


async def _mend(target: Target) -> None:
    """What one round broke is not to be the next one's fault."""
    names = [row.name for row in target.stack.status()]
    servers = [name for name in names if name in SERVERS]
    for name in (one for one in names if one not in SERVERS):
        target.kill(name)
    for name in (*servers, "api", *local.WORKERS):
        await target.start(name)


def _keep(folder: Path, outcomes: Sequence[Outcome], history: Path) -> None:
    if outcomes[-1].violations:
        shutil.copytree(folder / HOME / "logs", history / "logs")
    else:
        shutil.rmtree(history)
    staged = folder / f"{RESULTS}.new"
    staged.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=1))
    staged.replace(folder / RESULTS)


def _line(one: Outcome) -> str:
    rules = sorted({each.rule for each in one.violations})
    recovered = "never" if one.recovery_s is None else f"in {one.recovery_s:.1f} s"
    broke = f"[red]{', '.join(rules)}[/red]" if rules else "nothing"
    ok = f"ok {one.load.ok} of {one.load.count}" if one.load else "not played"
    name = f"{one.round.seed} {one.round.name}"
    return f"{name}: recovered {recovered}, broke {broke}, {ok} ({one.took_s:.0f} s)"
