"""Dead letters that nobody has dealt with, and what operators do about them.

What was done is said in `dead` itself, behind the letters: docs/decisions/0032. A letter is called
by its offset there.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from instastream.deps import Deps
from instastream.errors import Corrupt, Unready
from instastream.events import decode
from instastream.follows import EdgeEvent
from instastream.handlers.engagement import COUNTING
from instastream.late_counting import Late
from instastream.letters import Death, Done, How, Origin, Retry, origin_of, own, read, tell
from instastream.limits import GONE_TTL_S
from instastream.log import EventLog, Raw
from instastream.retries import DEAD, RETRY_DELAYS_S
from instastream.steps import Report

SOONEST = min(RETRY_DELAYS_S, key=RETRY_DELAYS_S.__getitem__)
AT_ONCE = 200  # letters on their way to Kafka
MESSAGE_SHOWN = 200  # of as many letters as there may be
GRAPH = "graph"  # the worker that writes edges and walls
AWAY_S = 7 * 86_400  # a worker that a letter goes back to may be away for as long
GRAPH_AGE_S_MAX = GONE_TTL_S - AWAY_S  # what came after is remembered, if it ended something
assert GRAPH_AGE_S_MAX > 0
TOO_OLD = (
    f"what ended in the graph is soon forgotten, and this, which is older than "
    f"{GRAPH_AGE_S_MAX // 86_400} days, could stand again after its end: have it handled in its "
    f"place by `instastream rebuild all --swap`, then drop the letter"
)
DEALING = {"redriven": "redriving", "dropped": "dropping"}

Result = TypeVar("Result")


class Summary(Struct, frozen=True, kw_only=True):
    """A dead letter, without what may be long."""

    id: int  # its offset in `dead`
    died_ms: int
    app: str  # that failed; "" in letters of before that was told
    topic: str  # where the record stood
    partition: int
    offset: int
    timestamp_ms: int
    epoch: int | None
    attempts: int
    error: str
    message: str  # its beginning
    key: str
    post: str | None  # that its event is about
    size_bytes: int


class Letter(Struct, frozen=True, kw_only=True):
    """All of a dead letter: the record as it was, and how it died."""

    summary: Summary
    message: str
    stack: str
    headers: list[tuple[str, str]]
    value: str  # what is not text is escaped, as in Python


class Wanted(Struct, frozen=True, kw_only=True):
    """Which letters are meant: those that all of this is true of."""

    ids: Collection[int] = ()
    app: str = ""
    topic: str = ""
    error: str = ""
    post: str = ""
    key: str = ""
    since_ms: int | None = None  # of their death
    until_ms: int | None = None

    def admits(self, letter: Summary) -> bool:
        """Whether a letter is meant."""
        same = ("app", "topic", "error", "post", "key")
        return (
            all(getattr(self, name) in ("", getattr(letter, name)) for name in same)
            and (not self.ids or letter.id in self.ids)
            and (self.since_ms is None or letter.died_ms >= self.since_ms)
            and (self.until_ms is None or letter.died_ms < self.until_ms)
        )


class Dealt(Struct, frozen=True, kw_only=True):
    """What became of letters: those that were left stay as they are."""

    done: list[int] = []
    left: dict[int, str] = {}  # and why


async def waiting(log: EventLog, wanted: Wanted) -> list[Summary]:
    """Letters that nobody has dealt with, in the order of their deaths.

    Of a record that an app gave up twice it is the later one.
    """
    found: dict[Origin, Summary] = {}
    async with aclosing(log.read_raw(DEAD)) as raws:
        async for raw in raws:
            if done := read(Done, raw.headers):
                standing = found.get(origin_of(done))
                if standing and standing.id == done.letter:
                    del found[origin_of(done)]
            elif death := read(Death, raw.headers):
                found.pop(origin_of(death), None)
                if wanted.admits(letter := _summary(raw, death)):
                    found[origin_of(death)] = letter
    return list(found.values())


async def show(log: EventLog, letter_id: int) -> Letter:
    """A letter, also one that was dealt with; raises Unready where there is none."""
    async with aclosing(_chosen(log, [letter_id])) as chosen:
        async for raw, death in chosen:
            return Letter(
                summary=_summary(raw, death),
                message=death.message,
                stack=death.stack,
                headers=[(name, _text(value)) for name, value in own(Death, raw.headers)],
                value=_text(raw.value),
            )
    raise Unready(f"there is no dead letter {letter_id}: `instastream dead ls` lists them")


async def drop(letters: Collection[Summary], log: EventLog, *, report: Report) -> Dealt:
    """Nobody is to be bothered with these again; they stay in the topic."""

    async def nothing(raw: Raw, death: Death) -> str:
        return ""

    return await _deal(letters, log, "dropped", nothing, report)


async def redrive(letters: Collection[Summary], deps: Deps, *, report: Report) -> Dealt:
    """Hand each back to the app that failed at it, and to no other: due at once.

    But for what is counted: that is counted here. What has a hindrance is left.
    """
    late = await _late([one for one in letters if one.app == COUNTING], deps, report)
    deal = partial(_redrive, late, deps)
    return await _deal(letters, deps.log, "redriven", deal, report)


def hindrance(letter: Summary | Death, *, now_ms: int) -> str:
    """Why a letter can't be handed back; "" where it can."""
    if not letter.app:
        return "it does not say which app failed at it"
    fenced_from_ms = now_ms - GRAPH_AGE_S_MAX * 1000
    is_edge_or_wall = (letter.app, letter.topic) == (GRAPH, EdgeEvent.topic)
    return TOO_OLD if is_edge_or_wall and letter.timestamp_ms < fenced_from_ms else ""


async def _deal(
    letters: Collection[Summary],
    log: EventLog,
    how: How,
    deal: Callable[[Raw, Death], Awaitable[str]],
    report: Report,
) -> Dealt:
    """Deal with each, and say so then: stopped in between, it is dealt with again."""
    wanted = [letter.id for letter in letters]
    done: list[int] = []
    left: dict[int, str] = {}

    async def one(raw: Raw, death: Death) -> None:
        if why_not := await deal(raw, death):
            left[raw.offset] = why_not
            return
        said = Done(**asdict(origin_of(death)), letter=raw.offset, how=how)
        await log.append_raw(DEAD, key=raw.key, value=None, headers=tell(said))
        done.append(raw.offset)

    async with aclosing(_chosen(log, wanted)) as chosen:
        async for some in _by(AT_ONCE, chosen):
            ends = await asyncio.gather(*(one(*each) for each in some), return_exceptions=True)
            for error in filter(None, ends):
                raise error
            report(DEALING[how], len(done) + len(left), len(wanted))
    report(DEALING[how], len(wanted), len(wanted))
    return Dealt(done=sorted(done), left=left)


async def _by(length: int, each: AsyncIterator[Result]) -> AsyncIterator[list[Result]]:
    """So many at a time."""
    some: list[Result] = []
    async for one in each:
        some.append(one)
        if len(some) == length:
            yield some
            some = []
    if some:
        yield some


async def _redrive(late: Late, deps: Deps, raw: Raw, death: Death) -> str:
    if death.app == COUNTING:
        return late.left.get(raw.offset, "")
    if why_not := hindrance(death, now_ms=deps.now_ms()):
        return why_not
    told = Retry(**asdict(origin_of(death)), attempts=0, due_ms=deps.now_ms())
    headers = [*own(Death, raw.headers), *tell(told)]
    await deps.log.append_raw(SOONEST, key=raw.key, value=raw.value, headers=headers)
    return ""


async def _late(letters: Collection[Summary], deps: Deps, report: Report) -> Late:
    late = Late()
    async with aclosing(_chosen(deps.log, [letter.id for letter in letters])) as chosen:
        async for raw, death in chosen:
            await late.count(raw.offset, origin_of(death), key=raw.key, value=raw.value, deps=deps)
    await late.prove(deps, report)
    return late


async def _chosen(log: EventLog, ids: Collection[int]) -> AsyncGenerator[tuple[Raw, Death], None]:
    """Letters by their ids, in their order."""
    wanted, last = set(ids), max(ids, default=-1)
    if not wanted:
        return
    async with aclosing(log.read_raw(DEAD)) as raws:
        async for raw in raws:
            if raw.offset in wanted and (death := read(Death, raw.headers)):
                yield raw, death
            if raw.offset >= last:
                break


def _summary(raw: Raw, death: Death) -> Summary:
    return Summary(
        **asdict(origin_of(death)),
        id=raw.offset,
        died_ms=raw.timestamp_ms,
        attempts=death.attempts,
        error=death.error,
        message=death.message[:MESSAGE_SHOWN],
        key=_text(raw.key),
        post=_post_of(raw.value),
        size_bytes=len(raw.value or b""),
    )


def _post_of(value: bytes | None) -> str | None:
    try:
        post_id: str | None = getattr(decode(value), "post_id", None)
    except Corrupt:
        return None
    return post_id


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")
