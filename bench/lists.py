"""Lists made of the timelines of a million posts, as after Redis has lost everything.

10,000 authors posted 100 times each within twenty days, and each of 500 readers follows 200 of
them. Their lists are made as reads make them, and once more as `instastream feeds rebuild --all`
does, which finds nothing to change; against the driver alone, asked for the same timelines.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from random import Random

from bench.command import command
from bench.followers import Row, insert, many_ids
from bench.report import Result, report
from bench.system import servers_alone
from instastream.deps import Deps, now_ms, open_deps
from instastream.garbage import collect_rarely
from instastream.ids import UserId, compose, month_of, newest
from instastream.limits import FEED_LENGTH, REBUILD_LENGTH, TIMELINES_AT_ONCE
from instastream.reading.rebuilding import LISTS_AT_ONCE, rebuild, renew_all
from instastream.settings import Settings
from instastream.stores.cassandra.posts import TIMELINE
from instastream.stores.cassandra.session import Session, open_session
from instastream.terminal import Steps

AUTHORS, POSTS_EACH = 10_000, 100
READERS, FOLLOWEES_EACH = 500, 200
DAYS, DAY_MS = 20, 86_400_000
LIST = "INSERT INTO posts_by_author (author_id, month, post_id) VALUES (?, ?, ?);"
FOLLOW = "INSERT INTO following (follower_id, followee_id, state) VALUES (?, ?, 'follows');"
BATCHES_AT_ONCE = 100
AT_ONCE = LISTS_AT_ONCE * TIMELINES_AT_ONCE
THE_DRIVER = "the driver alone, asked for as many timelines"


def main() -> None:
    """Measure, print, write `bench/out/lists.json`."""
    command(__doc__).parse_args()
    collect_rarely()
    with Steps() as steps:
        results = asyncio.run(_measure(steps))
    report("lists", results)


async def _measure(steps: Steps) -> list[Result]:
    async with servers_alone(Steps()) as (_, environ):
        settings = Settings.from_env(environ)
        async with open_session(settings) as session, open_deps(settings) as deps:
            followed = await _fill(session, steps)
            bare_s = await _bare_s(followed.values(), session)
            made_s = await _made_s(list(followed), deps, steps)
            renewed_s = await _renewed_s(deps, steps)
    return [
        Result(
            name=name,
            value=READERS / took_s,
            unit="lists/s",
            ratio=bare_s / took_s,
            against=f"{THE_DRIVER}, {READERS * FOLLOWEES_EACH / bare_s:,.0f}/s",
        )
        for name, took_s in (("made", made_s), ("renewed", renewed_s))
    ]


async def _fill(session: Session, steps: Steps) -> dict[UserId, list[str]]:
    """Whom each reader follows, once all authors have posted."""
    begins_ms, random = now_ms() - DAYS * DAY_MS, Random(1)
    authors = many_ids(AUTHORS, at_ms=begins_ms - DAY_MS)
    readers = map(UserId, many_ids(READERS, at_ms=begins_ms - 2 * DAY_MS))
    followed = {one: random.sample(authors, FOLLOWEES_EACH) for one in readers}
    posted = [_posts(author, begins_ms + at) for at, author in enumerate(authors)]
    edges = [[(int(one), int(author)) for author in those] for one, those in followed.items()]
    for step, cql, batches in (("posting", LIST, posted), ("following", FOLLOW, edges)):
        for at in range(0, len(batches), BATCHES_AT_ONCE):
            some = batches[at : at + BATCHES_AT_ONCE]
            await insert(session, cql, some)
            steps.report(step, at + len(some), len(batches))
    return followed


def _posts(author: str, begins_ms: int) -> list[Row]:
    """An author's, evenly, none at the same millisecond as another's."""
    every_ms = DAYS * DAY_MS // POSTS_EACH
    at_ms = (begins_ms + n * every_ms for n in range(POSTS_EACH))
    ids = [compose(at_ms=at, worker=1023, sequence=0) for at in at_ms]
    return [(int(author), month_of(post_id), int(post_id)) for post_id in ids]


async def _bare_s(followed: Iterable[Sequence[str]], session: Session) -> float:
    """Seconds for the newest month of each timeline, as many at once as lists are made of."""
    before, begun_s = newest(now_ms()), time.monotonic()
    asked = [
        (int(author), month_of(before), int(before), REBUILD_LENGTH)
        for author in chain.from_iterable(followed)
    ]
    for at in range(0, len(asked), AT_ONCE):
        await session.execute_all(TIMELINE, asked[at : at + AT_ONCE])
    return time.monotonic() - begun_s


async def _made_s(readers: Sequence[UserId], deps: Deps, steps: Steps) -> float:
    begun_s = time.monotonic()
    for at in range(0, READERS, LISTS_AT_ONCE):
        some = readers[at : at + LISTS_AT_ONCE]
        made = await asyncio.gather(*(rebuild(reader, deps) for reader in some))
        assert all(ids and len(ids) == FEED_LENGTH for ids in made)
        steps.report("making lists", at + len(some), READERS)
    return time.monotonic() - begun_s


async def _renewed_s(deps: Deps, steps: Steps) -> float:
    begun_s = time.monotonic()
    everyone = renew_all(deps, after=UserId(""), dry_run=False, report=steps.report)
    *_, done = [renewal async for renewal in everyone]
    assert (done.lists, done.changed) == (READERS, [])
    return time.monotonic() - begun_s


if __name__ == "__main__":
    main()
