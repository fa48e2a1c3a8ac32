"""One generator process: its share of the operations, and what it measures, second by second."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from instastream.errors import InstastreamError
from instastream.garbage import collect_rarely
from instastream.load.checks.histories import Entry, writing
from instastream.load.jsonlines import Writer
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.loop import run_open
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.watching import Watching
from instastream.load.over_http.wire import Web
from instastream.load.reporting.spreads import Recorder
from instastream.load.scenario.plans import Operation, Plan, graph_of
from instastream.load.scenario.scenarios import Scenario

TOLD_S = 1.0


class Share(Struct, frozen=True, kw_only=True):
    """What one of several processes has to do: all that some of the people do."""

    number: int
    of: int
    scenario: Scenario
    header: Entry
    people: list[Person]
    folder: str  # of the history
    posts: str  # the file of their ids
    clock: Clock
    start_ms: float  # Unix, by that clock
    at_once: int  # operations under way
    is_owned: bool

    def operations(self, plan: Plan) -> Iterator[Operation]:
        """Those of the people whose number is this one's."""
        return (one for one in plan.operations() if one.user % self.of == self.number)

    def with_own_tokens(self) -> list[Person]:
        """All the people: others' refresh tokens are left to those who do what these do."""
        return [
            person if number % self.of == self.number else replace(person, refresh_token="")
            for number, person in enumerate(self.people)
        ]


def generate(encoded: bytes, told: Connection) -> None:
    """Runs in a process of its own, until SIGTERM at most.

    Tells `Measured` as MessagePack, and at last why it could not go on, if so.
    """
    collect_rarely()
    share = msgspec.msgpack.decode(encoded, type=Share)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides
    try:
        uvloop.run(_generate(share, told))
    except InstastreamError as error:
        told.send_bytes(msgspec.msgpack.encode(str(error)))


async def _generate(share: Share, told: Connection) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    plan = Plan(share.scenario, graph_of(share.scenario))
    recorder, web = Recorder(share.start_ms), Web(is_owned=share.is_owned)
    api = Api(str(share.header.api), web)
    history = Path(share.folder) / f"load.{share.number}.jsonl"
    noting = writing(history, share.header, now_ms=share.clock.now_ms)
    with noting as notes, PostIds(Path(share.posts)) as posts:
        doer = Doer(share.scenario, api, share.with_own_tokens(), posts, notes, share.clock)
        watching = Watching(doer, plan, recorder)
        telling = asyncio.create_task(_tell(recorder, notes, told))
        telling.add_done_callback(lambda _: stopping.set())
        try:
            await run_open(
                share.operations(plan),
                watching,
                recorder,
                start_ms=share.start_ms,
                at_once=share.at_once,
                stopping=stopping,
                clock=share.clock,
            )
            await watching.close()
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            web.close()
    told.send_bytes(msgspec.msgpack.encode(recorder.take()))


async def _tell(recorder: Recorder, notes: Writer, told: Connection) -> None:
    while True:
        await asyncio.sleep(TOLD_S)
        notes.flush()
        told.send_bytes(msgspec.msgpack.encode(recorder.take()))
