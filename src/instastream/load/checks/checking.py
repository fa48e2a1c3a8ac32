"""Compares a system that has come to rest with all that a history says was done to it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from time import monotonic

from httpx2 import AsyncClient

from instastream.client import TIMEOUT_S
from instastream.deps import open_deps
from instastream.errors import InstastreamError
from instastream.limits import PAGE_LENGTH_MAX
from instastream.load.checks.explaining import explain
from instastream.load.checks.histories import Entry, header_of
from instastream.load.checks.inspecting import inspect, wait_for_rest
from instastream.load.checks.judging import Judge, strangers
from instastream.load.checks.oracle import Oracle
from instastream.load.checks.reads import Reads
from instastream.load.checks.violations import AT_REST, PER_RULE_MAX, Found, Violation, violation
from instastream.load.checks.visiting import Visitor
from instastream.settings import Settings
from instastream.steps import Report

AT_ONCE = 16  # users: half of them wait for their passwords to be checked
ENTRIES_AT_ONCE = 2_000  # read until others may do something: some milliseconds
STILL_S = 30.0  # what was late is wrong once nothing has become right for so long
PAUSE_S = 1.0  # between two looks: counts are as old


async def check(
    history: Iterable[Entry],
    *,
    api: str,
    settings: Settings | None,
    report: Report,
    per_rule_max: int = PER_RULE_MAX,
) -> list[Violation]:
    """Every rule that is broken: see `violations.RULES`. Nothing may happen meanwhile.

    With `settings` also what the workers, the log and the stores say; what is late is waited for
    as long as something moves. Raises InstastreamError where the history is none, and Unavailable
    where the system can't be asked.
    """
    found, oracle = Found(per_rule_max), Oracle()
    header, entries = header_of(history)
    await learn(entries, oracle, found, report)
    if settings:
        found.add(await wait_for_rest(settings, report))
    async with AsyncClient(base_url=api, timeout=TIMEOUT_S, trust_env=False) as http:
        found.add(await Visits(oracle, http, report).all())
    if settings is None:
        return found.all()
    async with open_deps(settings) as deps:
        found.add(await inspect(oracle, deps, since_ms=header.at_ms, report=report))
        return await explain(found.all(), deps, report)


async def learn(entries: Iterable[Entry], oracle: Oracle, found: Found, report: Report) -> None:
    """All that was done, and what was seen meanwhile."""
    reads, step, count = Reads(oracle), "reading the history", 0
    for count, entry in enumerate(entries, start=1):
        asked = oracle.take(entry)
        if asked is not None:
            found.add(reads.judge(asked, entry))
        if count % ENTRIES_AT_ONCE == 0:
            report(step, count, count + 1)
            await asyncio.sleep(0)
    report(step, count, count)


class Visits:
    """Looks at what every user sees, again and again where something may only be late."""

    def __init__(self, oracle: Oracle, http: AsyncClient, report: Report) -> None:
        self._oracle = oracle
        self._http = http
        self._report = report
        self._judge = Judge(oracle)
        self._probes = strangers(oracle, oracle.joined)
        self._done = 0

    async def all(self) -> list[Violation]:
        """Of all who joined."""
        waiting: list[str] = list(dict.fromkeys(self._oracle.joined))
        at_once: list[Violation] = []
        before: Counter[str] = Counter()
        moved_s, rounds = monotonic(), 0
        while True:
            seen = await self._look(waiting, "looking again" if rounds else "looking at feeds")
            rounds += 1
            told = [one for of_user in seen.values() for one in of_user]
            at_once += [one for one in told if one.rule not in AT_REST]
            late = [one for one in told if one.rule in AT_REST]
            if (counted := Counter(one.rule for one in late)) != before:
                before, moved_s = counted, monotonic()
            if not late or (rounds > 1 and monotonic() - moved_s > STILL_S):
                return _once(at_once) + late
            waiting = [user for user, of in seen.items() if any(one.rule in AT_REST for one in of)]
            await asyncio.sleep(PAUSE_S)

    async def _look(self, users: list[str], step: str) -> Mapping[str, list[Violation]]:
        free, done = asyncio.Semaphore(AT_ONCE), 0

        async def look(user: str) -> list[Violation]:
            nonlocal done
            async with free:
                seen = await self._visit(user)
            done += 1
            self._report(step, done, len(users))
            return seen

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {user: group.create_task(look(user)) for user in users}
        except* InstastreamError as errors:
            raise errors.exceptions[0] from None
        return {user: task.result() for user, task in tasks.items()}

    async def _visit(self, user: str) -> list[Violation]:
        account, judge = self._oracle.users[user], self._judge
        visitor = Visitor(self._http, account)
        if not await visitor.sign_in():
            return [violation("lost-user", user=user, name=account.name)]
        seen: list[Violation] = []
        for post_id in account.posts:
            seen += judge.own_post(post_id, await visitor.post(post_id))
        timeline = await visitor.pages(f"/v1/users/{user}/posts")
        seen += judge.timeline(user, timeline, limit=PAGE_LENGTH_MAX)
        seen += judge.feed(user, await visitor.pages("/v1/feed"), limit=PAGE_LENGTH_MAX)
        for post_id in self._probes.get(user, ()):
            seen += judge.hidden(user, post_id, await visitor.post(post_id))
        return seen


def _once(violations: Iterable[Violation]) -> list[Violation]:
    """What was seen on several looks is told once."""
    about = ("reader", "post", "list", "page")
    return list({(one.rule, *map(one.evidence.get, about)): one for one in violations}.values())
