"""`instastream dead`: dead letters, listed, told whole, handed back, or dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import replace

from instastream import redriving, shell
from instastream.dead_tables import dealt_tables, harmless, letter_table, letters_table
from instastream.deps import open_deps
from instastream.errors import InstastreamError, Unready
from instastream.handlers.engagement import COUNTING
from instastream.log import EventLog, KafkaLog
from instastream.process import complete
from instastream.rebuilding.targets import alone
from instastream.redriving import Dealt, Letter, Summary, Wanted
from instastream.settings import Settings
from instastream.terminal import Steps, print_line, show

READING = "reading dead letters"

dead = App(
    name="dead",
    help="""What was given up: list it, see why, hand it back once that is mended, or drop it.

    **Examples**

        instastream dead ls
        instastream dead show 14
        instastream dead redrive --app feeds --dry-run
        instastream dead redrive --app feeds
    """,
    help_format="markdown",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Letters that all of this is true of."""

    app: Annotated[str, Parameter(help="Of this worker.", show_default=False)] = ""
    topic: Annotated[str, Parameter(help="Of records of this topic.", show_default=False)] = ""
    error: Annotated[str, Parameter(help="The exception's class.", show_default=False)] = ""
    post: Annotated[str, Parameter(help="Of this post, by its id.", show_default=False)] = ""
    key: Annotated[str, Parameter(help="Of this key.", show_default=False)] = ""
    since: Annotated[
        datetime | None, Parameter(help="Dead since then, in UTC.", show_default=False)
    ] = None
    until: Annotated[
        datetime | None, Parameter(help="Dead before then, in UTC.", show_default=False)
    ] = None

    def wanted(self, ids: Sequence[int] = ()) -> Wanted:
        """Those, and of them only these where some are named."""
        return Wanted(
            ids=ids,
            app=self.app,
            topic=self.topic,
            error=self.error,
            post=self.post,
            key=self.key,
            since_ms=shell.unix_ms(self.since),
            until_ms=shell.unix_ms(self.until),
        )


EVERYTHING = Filters()
Letters = Annotated[int, Parameter(help="Their numbers, as `ls` says them.")]
Everything = Annotated[
    bool, Parameter(name="--all", negative="", help="All that nobody has dealt with.")
]
DryRun = Annotated[bool, Parameter(negative="", help="Change nothing; say which.")]


class Outcome(Struct, frozen=True, kw_only=True):
    """Letters that were chosen, and what became of them; nothing, where that was only asked."""

    letters: list[Summary]
    dealt: Dealt | None
    would_leave: dict[int, str] = {}  # of those that were only asked for, and why


@dead.command(name="ls")
def list_(*, filters: Filters = EVERYTHING, as_json: shell.AsJson = False) -> None:
    """List the letters that nobody has dealt with yet, the latest last.

    Of a record that one worker gave up twice, the later letter.

    **Examples**

        instastream dead ls
        instastream dead ls --app media --since 2026-11-27T10:00
        instastream dead ls --json | jq 'group_by(.error) | map({(.[0].error): length}) | add'
    """
    settings = shell.settings()
    with Steps() as steps:
        letters = complete(_list(settings, steps, filters.wanted()))
    show(letters, letters_table(letters, "Dead letters"), as_json=as_json)


@dead.command(name="show")
def show_(letter: int, /, *, as_json: shell.AsJson = False) -> None:
    """Tell all of a letter: the record as it was, and how it died. Also of one dealt with.

    **Example**

        instastream dead show 14

    Parameters
    ----------
    letter
        Its number, as `ls` says it.
    """
    settings = shell.settings()
    with Steps() as steps:
        found = complete(_show(settings, steps, letter))
    show(found, letter_table(found), as_json=as_json)
    if not as_json:
        print_line(harmless(found.stack))


@dead.command
def redrive(
    *letters: Letters,
    filters: Filters = EVERYTHING,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: shell.AsJson = False,
) -> None:
    """Hand letters back to the worker that failed at them, and to no other: due at once.

    They are listed no longer, unless they die again. Safe to repeat, and to stop anywhere. What
    `engagement` failed at is counted by this command itself, and proved against the log. What can't
    go back is left, and told: such as a follow that is so old that its end may be forgotten.

    **Examples**

        instastream dead redrive --app feeds --error KeyError --dry-run
        instastream dead redrive 14 15
        instastream dead redrive --all --json | jq .dealt.left
    """
    wanted = _chosen(letters, filters, everything=everything)
    settings = shell.settings()
    with Steps() as steps:
        outcome = complete(_redrive(settings, steps, wanted, dry_run=dry_run))
    _tell(outcome, "redriven", as_json=as_json)


@dead.command
def drop(
    *letters: Letters,
    filters: Filters = EVERYTHING,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: shell.AsJson = False,
) -> None:
    """Give letters up for good: they are listed no longer, and stay in the topic.

    **Examples**

        instastream dead drop --error Corrupt --until 2026-11-01 --dry-run
        instastream dead drop 14
    """
    wanted = _chosen(letters, filters, everything=everything)
    settings = shell.settings()
    with Steps() as steps:
        outcome = complete(_drop(settings, steps, wanted, dry_run=dry_run))
    _tell(outcome, "dropped", as_json=as_json)


def _chosen(letters: Sequence[int], filters: Filters, *, everything: bool) -> Wanted:
    chosen = bool(letters) or filters != EVERYTHING
    if chosen == everything:
        raise Unready("say which letters: their numbers, such as --app, or --all alone")
    return filters.wanted(letters)


async def _list(settings: Settings, steps: Steps, wanted: Wanted) -> list[Summary]:
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
        return await _waiting(log, steps, wanted)


async def _show(settings: Settings, steps: Steps, letter: int) -> Letter:
    steps.report(READING, 0, 1)
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
        found = await redriving.show(log, letter)
    steps.report(READING, 1, 1)
    return found


async def _redrive(settings: Settings, steps: Steps, wanted: Wanted, *, dry_run: bool) -> Outcome:
    async with open_deps(settings) as deps:

        async def deal(letters: list[Summary]) -> Dealt:
            counts = any(one.app == COUNTING for one in letters)
            async with alone(settings) if counts else nullcontext():
                return await redriving.redrive(letters, deps, report=steps.report)

        outcome = await _deal(deps.log, steps, wanted, deal, dry_run=dry_run)
        if not dry_run:
            return outcome
        why_not = partial(redriving.hindrance, now_ms=deps.now_ms())
        left = {one.id: why for one in outcome.letters if (why := why_not(one))}
        return replace(outcome, would_leave=left)


async def _drop(settings: Settings, steps: Steps, wanted: Wanted, *, dry_run: bool) -> Outcome:
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
        deal = partial(redriving.drop, log=log, report=steps.report)
        return await _deal(log, steps, wanted, deal, dry_run=dry_run)


async def _deal(
    log: EventLog,
    steps: Steps,
    wanted: Wanted,
    deal: Callable[[list[Summary]], Awaitable[Dealt]],
    *,
    dry_run: bool,
) -> Outcome:
    letters = await _waiting(log, steps, wanted)
    if dry_run:
        return Outcome(letters=letters, dealt=None)
    try:
        return Outcome(letters=letters, dealt=await deal(letters))
    except asyncio.CancelledError:
        steps.say("What was done is listed no longer: the same command goes on")
        raise


async def _waiting(log: EventLog, steps: Steps, wanted: Wanted) -> list[Summary]:
    steps.report(READING, 0, 1)
    letters = await redriving.waiting(log, wanted)
    steps.report(READING, 1, 1)
    if missing := set(wanted.ids) - {letter.id for letter in letters}:
        numbers = ", ".join(map(str, sorted(missing)))
        steps.say(f"Not among those that wait: {numbers}. Dealt with, or died again: see `ls`")
    return letters


def _tell(outcome: Outcome, done: str, *, as_json: bool) -> None:
    """Exit code 1 where some were left."""
    tables = dealt_tables(outcome.letters, outcome.dealt, done, would_leave=outcome.would_leave)
    show(outcome, *tables, as_json=as_json)
    if outcome.dealt and outcome.dealt.left:
        raise InstastreamError(f"{len(outcome.dealt.left)} letters are left as they were")
