"""What is there before a load begins: people, whom they follow, and what they posted."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, TypeVar

from msgspec.structs import replace

from instastream.client import Refused
from instastream.errors import Unready
from instastream.load.checks.histories import Kind
from instastream.load.over_http.asking import Person, understood
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.wire import Lost
from instastream.load.scenario.graphs import Graph
from instastream.load.scenario.plans import Operation, Plan
from instastream.steps import Report

AT_ONCE = 16
TRIES = 5  # of what a busy system answers late: a graph with a hole is another graph
TRY_S = 1.0
LOOK_S = 0.1
STILL_S = 120.0  # far more than one photograph takes

Result = TypeVar("Result")


def newcomers(count: int, *, run: str) -> list[Person]:
    """People who have not joined, with names that no other run has."""
    return [Person(f"load_{run}_{number}", secrets.token_urlsafe(16)) for number in range(count)]


class Preparing:
    """Makes it so. All of it is in the history, with numbers below 0."""

    def __init__(self, doer: Doer) -> None:
        self._doer = doer
        self._numbers = count(-1, -1)

    async def run(self, graph: Graph, plan: Plan, progress: Report) -> None:
        """Private are people after they are followed, so that nobody has to approve anything."""
        users, posts = range(graph.users), range(len(plan.authors))
        edges = [(user, other) for user in users for other in graph.followees(user)]
        hidden = sorted(plan.private)
        steps: list[tuple[str, int, Iterator[Awaitable[None]]]] = [
            ("people joined", len(users), map(self._join, self._doer.people)),
            ("follows", len(edges), (self._follow(*edge) for edge in edges)),
            ("private accounts", len(hidden), map(self._hide, hidden)),
            ("posts before", len(posts), (self._post(n, plan.authors[n]) for n in posts)),
            ("posts ready", len(posts), (self._ready(n, plan.authors[n]) for n in posts)),
            ("feeds read", len(users), map(self._read, users)),
        ]
        for step, total, works in steps:
            await _all(step, total, works, progress)

    async def _join(self, person: Person) -> None:
        async def join() -> str:
            await self._doer.api.join(person)
            return person.id

        await self._noted("join", join, name=person.name, password=person.password)

    async def _hide(self, user: int) -> None:
        person = self._doer.people[user]

        async def hide() -> str:
            await self._doer.api.call(person, "PATCH", "/v1/me", body={"private": True})
            return person.id

        await self._noted("private", hide, user=person.id, private=True)

    async def _follow(self, user: int, other: int) -> None:
        await self._done(Operation(0, 0.0, "follow", user, other=other))

    async def _post(self, post: int, author: int) -> None:
        await self._done(Operation(0, 0.0, "post", author, post))

    async def _read(self, user: int) -> None:
        """Who takes part has been there before: their list is there, and is pushed to."""
        await self._done(Operation(0, 0.0, "read_feed", user))

    async def _done(self, operation: Operation) -> None:
        """Tried until it is, each time as another operation."""
        for _ in range(TRIES):
            again = replace(operation, number=next(self._numbers))
            outcome = await self._doer.do(again, due_ms=self._doer.clock.now_ms())
            if outcome.phase == "ok":
                return
            await asyncio.sleep(TRY_S)
        raise Unready(f"{operation.kind} before the load does not succeed: {outcome.problem}")

    async def _ready(self, post: int, author: int) -> None:
        """Wait until others can see it; poison never is."""
        post_id = self._doer.posts[post]
        if not post_id:
            return
        try:
            async with asyncio.timeout(STILL_S):
                while await self._status(author, post_id) == "processing":
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise Unready(f"post {post_id} is not ready within {STILL_S:g} s") from None

    async def _status(self, author: int, post_id: str) -> str:
        async def read() -> str:
            person, path = self._doer.people[author], f"/v1/posts/{post_id}"
            return str((await self._doer.api.call(person, "GET", path))["status"])

        return await _tried(read, "read_post")

    async def _noted(self, kind: Kind, work: Callable[[], Awaitable[str]], **asked: Any) -> None:
        """What is done, and whose id it answers."""
        op, due_ms = next(self._numbers), self._doer.clock.now_ms()
        self._doer.note("invoked", kind, op, due_ms, **asked)
        self._doer.note("ok", kind, op, due_ms, user=await _tried(work, kind))


async def _all(step: str, total: int, works: Iterator[Awaitable[None]], progress: Report) -> None:
    """Some at once."""
    done = 0

    async def some() -> None:
        nonlocal done
        for work in works:
            await work
            done += 1
            progress(step, done, total)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())
    except* Unready as errors:
        raise errors.exceptions[0] from None


async def _tried(call: Callable[[], Awaitable[Result]], what: str) -> Result:
    """What it answers; raises Unready where it does not, whatever is done."""
    why = ""
    for _ in range(TRIES):
        try:
            with understood():
                return await call()
        except Refused as error:
            raise Unready(f"{what} before the load is refused: {error}") from error
        except Lost as error:
            why = str(error)
            await asyncio.sleep(TRY_S)
    raise Unready(f"{what} before the load does not succeed: {why}")
