"""`instastream digest` and `instastream rebuild`: what projections hold, and made from the log."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from instastream import shell
from instastream.errors import InstastreamError, Unready
from instastream.limits import GONE_TTL_S
from instastream.process import complete
from instastream.ranges import parse_range
from instastream.rebuilding import rebuilding, shadowing
from instastream.rebuilding.bounding import Bounds, planned
from instastream.rebuilding.comparing import compare
from instastream.rebuilding.digesting import (
    PARTS,
    Digest,
    differences,
    digest_of_totals,
    digests,
)
from instastream.rebuilding.outcomes import Digested, Rebuilt, digest_tables, rebuilt_tables
from instastream.rebuilding.projections import ALL, Projection, named
from instastream.rebuilding.replaying import Replayed
from instastream.rebuilding.shadowing import Shadow
from instastream.rebuilding.targets import serving
from instastream.settings import Settings
from instastream.terminal import Steps, show

COUNTS = "counts"  # the totals in Redis
PARTS_MAX = 65_536
PASSES = (
    f"{{}} passes through the past: what ended more than {GONE_TTL_S // 86_400} days ago may stand "
    f"again until this has come to its end. Not so with `instastream rebuild all --swap`"
)
MISPLACES = (
    "of threads that were lost or dropped: what people write before this has come to its end "
    "stands among the oldest comments, for good. Stop the API until then, or take "
    "`instastream rebuild all --swap`"
)

Name = Annotated[str, Parameter(show_default=False)]
Time = Annotated[datetime | None, Parameter(show_default=False)]


def digest(
    projection: Name = ALL,
    /,
    *,
    parts: Annotated[int, Parameter(validator=Number(gte=1, lte=PARTS_MAX))] = PARTS,
    against: Annotated[Path | None, Parameter(show_default=False)] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Print digests of what projections hold: equal contents have equal ones.

    Of each table of the log's projections, and of the totals in Redis, which are those that
    somebody asked for lately. Reads everything, changes nothing. What changes meanwhile is in it
    as of no moment: compare what rests. Exit code 1 where something differs.

    **Examples**

        instastream digest
        instastream digest --json > before.json
        instastream digest --against before.json

    Parameters
    ----------
    projection
        users, graph, posts, likes, comments or counts (the totals); all when it is left out.
    parts
        In how many parts each table is read: what differs is known as closely.
    against
        What `digest --json` printed earlier.
    """
    before = _digests_in(against) if against else None
    chosen = [] if projection == COUNTS else named(projection)
    with Steps() as steps:
        with_totals = projection in (COUNTS, ALL)
        found = complete(_digest(shell.settings(), chosen, steps, parts, with_totals=with_totals))
    differ = None if before is None else differences(found, before)
    digested = Digested(digests=found, differences=differ)
    show(digested, *digest_tables(digested), as_json=as_json)
    if differ:
        raise InstastreamError(f"{', '.join(one.table for one in differ)} differ from {against}")


def _digests_in(path: Path) -> list[Digest]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Digested).digests
    except msgspec.MsgspecError as error:
        raise Unready(f"{path} is not what `instastream digest --json` prints: {error}") from error


async def _digest(
    settings: Settings,
    projections: Sequence[Projection],
    steps: Steps,
    parts: int,
    *,
    with_totals: bool,
) -> list[Digest]:
    async with serving(settings) as target:
        found = await digests(projections, target.contents, parts=parts, report=steps.report)
        if with_totals:
            found.append(await digest_of_totals(target.deps.counts, parts=parts))
    return found


def rebuild(
    projection: Name,
    /,
    *ranges: str,
    since: Time = None,
    until: Time = None,
    key: Annotated[tuple[str, ...], Parameter(show_default=False, negative="")] = (),
    drop: shell.Flag = False,
    shadow: shell.Flag = False,
    swap: shell.Flag = False,
    rollback: shell.Flag = False,
    dry_run: shell.Flag = False,
    as_json: shell.AsJson = False,
) -> None:
    """Make a projection again from the log, by the handlers of its workers.

    Into what is there: what lacks comes back, and nobody notices. With `--drop` from nothing:
    until it is done, readers miss what is not there yet. Nothing is rendered, sent or pushed.
    For likes and comments the `engagement` workers must be stopped meanwhile. With `--shadow`
    beside what serves, to prove that it is what the log says, while all goes on; with `--swap` also
    to serve in its place, and `--rollback` goes back. For the graph take `--swap`: in what serves a
    follow that ended long ago stands until the replay comes to its end. Safe to repeat and to stop
    anywhere: run it again, without `--drop`, to go on. Exit code 1 where no handler could digest
    some event, or a shadow that is not swapped is another than what serves.

    **Examples**

        # what would be replayed
        instastream rebuild all --dry-run
        # after Cassandra lost its tables: instastream provision, and then
        instastream rebuild all
        # is what is shown what the log says?
        instastream rebuild all --shadow
        # a handler was mended: serve what it makes, without a pause
        instastream rebuild all --swap
        # one post, a partition, offsets 100 to 199, a day
        instastream rebuild posts --key 1998765432101234567
        instastream rebuild graph graph/3
        instastream rebuild users users/3:100-200
        instastream rebuild users --since 2026-01-02 --until 2026-01-03

    Parameters
    ----------
    projection
        users, graph, posts, likes, comments or all.
    ranges
        Only of these topics, partitions (`users/3`), or offsets (`users/3:100-200`, 100 to 199).
        Offsets and times are for users and posts: of the rest an event may be wrong without others.
    since
        Only what was appended since this time, UTC where no zone is given.
    until
        Only what was appended before this time.
    key
        Only events under this key of their topic; may be repeated.
    drop
        First remove what the projection's tables hold.
    shadow
        Into a keyspace of its own, which is compared with what serves, row by row, and dropped.
    swap
        Likewise, and then it serves in place of what did, which is kept. Only with all.
    rollback
        What served before the last swap is caught up, and serves again. Only with all.
    dry_run
        Read the log and count its events, and write nothing.
    """
    chosen = named(projection)
    if drop + shadow + swap + rollback + dry_run > 1:
        raise Unready("--drop, --shadow, --swap, --rollback, --dry-run: choose one of them")
    if (swap or rollback) and projection != ALL:
        raise Unready("projections are swapped together: instastream rebuild all")
    bounds = Bounds(
        ranges=[parse_range(one) for one in ranges],
        since_ms=shell.unix_ms(since),
        until_ms=shell.unix_ms(until),
        keys=frozenset(one.encode() for one in key),
    )
    if (drop or shadow or swap or rollback) and not bounds.is_all:
        raise Unready("what begins with nothing is made of all of the log: leave out bounds")
    planned(chosen, bounds)  # before any server is asked
    settings = shell.settings()
    with Steps(events=True) as steps:
        if dry_run:
            rebuilt = complete(_rehearse(settings, chosen, bounds, steps))
        elif shadow or swap:
            rebuilt = complete(_make_beside(settings, chosen, steps, swap=swap))
        elif rollback:
            rebuilt = complete(_go_back(settings, chosen, steps))
        else:
            rebuilt = complete(_rebuild(settings, chosen, bounds, steps, drop=drop))
    show(rebuilt, *rebuilt_tables(rebuilt), as_json=as_json)
    if rebuilt.refused:
        raise InstastreamError(f"{rebuilt.refused} events could not be handled: see refusals")
    if rebuilt.different and not swap:
        tables = ", ".join(one.table for one in rebuilt.different)
        raise InstastreamError(f"not what the log says: {tables}; see docs/operating.md")


async def _rehearse(
    settings: Settings, projections: Sequence[Projection], bounds: Bounds, steps: Steps
) -> Rebuilt:
    replays = await rebuilding.rehearse(projections, bounds, settings, report=steps.report)
    return Rebuilt(dry_run=True, replays=replays)


async def _rebuild(
    settings: Settings,
    projections: Sequence[Projection],
    bounds: Bounds,
    steps: Steps,
    *,
    drop: bool,
) -> Rebuilt:
    done: list[Replayed] = []
    chosen = [one for one, _ in planned(projections, bounds)]
    if forgetting := [one.name for one in chosen if one.forgets]:
        steps.say(PASSES.format(", ".join(forgetting)))
    if any(one.places for one in chosen):
        steps.say(MISPLACES)
    try:
        async with serving(settings) as target:
            async for one in rebuilding.rebuild(
                projections, bounds, target, settings, drop=drop, report=steps.report
            ):
                done.append(one)
    except asyncio.CancelledError:
        steps.say(f"done: {', '.join(one.projection for one in done) or 'none'}; run it again")
        raise
    return Rebuilt(dry_run=False, replays=done)


async def _make_beside(
    settings: Settings, projections: Sequence[Projection], steps: Steps, *, swap: bool
) -> Rebuilt:
    tables = [table for one in projections for table in one.tables]
    async with shadowing.shadow(projections, settings) as beside:
        replays = await beside.catch_up(steps.report)
        different = await compare(
            tables,
            beside.serves.contents,
            beside.target.contents,
            follow=beside.follow,
            report=steps.report,
        )
        if swap and not any(one.refused for one in [*replays, *beside.refusing]):
            await _swap(beside, steps)
    return Rebuilt(dry_run=False, replays=[*replays, *beside.refusing], different=different)


async def _go_back(settings: Settings, projections: Sequence[Projection], steps: Steps) -> Rebuilt:
    async with shadowing.former(projections, settings) as beside:
        replays = await beside.catch_up(steps.report)
        if not any(one.refused for one in replays):
            await _swap(beside, steps)
    return Rebuilt(dry_run=False, replays=[*replays, *beside.refusing])


async def _swap(beside: Shadow, steps: Steps) -> None:
    await shadowing.swap(beside, steps.say)
    await rebuilding.renew_lists(beside.serves, steps.report)
