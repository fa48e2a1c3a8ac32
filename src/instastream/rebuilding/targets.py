"""Where a replay writes to, without a word to anyone else: nothing is sent, pushed or rendered."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from instastream.deps import Deps, open_deps
from instastream.settings import Settings
from instastream.stores.cassandra.contents import CassandraContents
from instastream.stores.cassandra.generations import Generations
from instastream.stores.cassandra.session import open_session
from instastream.stores.changes import Change, Changes
from instastream.stores.counters import Total
from instastream.stores.counts import Counts, Kind


class Untold:
    """Changes that nobody hears of; what others tell is heard."""

    def __init__(self, changes: Changes) -> None:
        self.forget = changes.forget
        self.since = changes.since
        self.wait = changes.wait

    async def tell(self, *changes: Change) -> None:
        pass


class Unpublished:
    """Totals that nobody is shown: those of what serves stay."""

    def __init__(self, counts: Counts) -> None:
        self.totals = counts.totals
        self.of_all_kinds = counts.of_all_kinds
        self.everything = counts.everything
        self.expect = counts.expect
        self.pending = counts.pending

    async def publish(self, kind: Kind, totals: Collection[Total]) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Target:
    """What handlers of a replay work on, and the tables that they write."""

    deps: Deps
    contents: CassandraContents
    generations: Generations


def silent(deps: Deps) -> Deps:
    """The same, whose handlers tell nobody what they change."""
    return replace(deps, changes=Untold(deps.changes))


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[None]:
    """What is counted or repaired within serves: nobody makes it again, or another generation.

    Raises as `Generations.alone`.
    """
    async with open_session(settings) as session, session.generations.alone():
        yield


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Target]:
    """The projections that the API reads; raises Unavailable where a server does not answer."""
    async with open_deps(settings) as deps, open_session(settings) as session:
        yield Target(
            deps=silent(deps),
            contents=CassandraContents(session),
            generations=session.generations,
        )
