"""How long it takes from a finalize until a follower's feed shows the post."""

import asyncio
from typing import Literal

from instastream.client import Refused
from instastream.load.over_http.asking import Person, understood
from instastream.load.over_http.doing import Doer, Outcome
from instastream.load.over_http.wire import Lost
from instastream.load.reporting.spreads import Recorder
from instastream.load.scenario.plans import Operation, Plan

WATCHED_AT_ONCE = 4  # of one process: each look is a read of a feed
LOOK_S = 0.05
LOOK_LENGTH = 10  # newer ones may have come meanwhile
WATCHED_S = 20.0  # whoever unfollowed meanwhile never sees it
FIRST_WATCH = 1 << 40  # above the number of every operation


class Watching:
    """Does what a doer does, and then watches for some posts."""

    def __init__(self, doer: Doer, plan: Plan, recorder: Recorder) -> None:
        self._doer = doer
        self._plan = plan
        self._recorder = recorder
        self._watches: set[asyncio.Task[None]] = set()
        self.hindrance = doer.hindrance
        self.leave = doer.leave

    async def do(self, operation: Operation, *, due_ms: float) -> Outcome:
        """Do it; a post that was made and has a follower may be watched from then on."""
        outcome = await self._doer.do(operation, due_ms=due_ms)
        is_watched = operation.kind == "post" and outcome.phase == "ok"
        if is_watched and len(self._watches) < WATCHED_AT_ONCE and self._doer.posts[operation.post]:
            follower = self._plan.follower(operation.user)
            if follower is not None:
                watch = self._watch(operation.post, self._doer.people[follower])
                task = asyncio.create_task(watch)
                self._watches.add(task)
                task.add_done_callback(self._watches.discard)
        return outcome

    async def close(self) -> None:
        """Wait for what is watched still."""
        await asyncio.gather(*self._watches)

    async def _watch(self, post: int, follower: Person) -> None:
        doer, op = self._doer, FIRST_WATCH + post
        due_ms, post_id = doer.clock.now_ms(), doer.posts[post]
        self._recorder.starts("visible", due_ms=due_ms, at_ms=due_ms)
        doer.note("invoked", "visible", op, due_ms, user=follower.id, post=post_id)
        phase: Literal["ok", "unknown"] = "ok"
        try:
            async with asyncio.timeout(WATCHED_S):
                while not await self._shows(follower, post_id):
                    await asyncio.sleep(LOOK_S)
        except (TimeoutError, Refused, Lost):
            phase = "unknown"
        doer.note(phase, "visible", op, due_ms)
        self._recorder.ends("visible", phase, due_ms=due_ms, at_ms=doer.clock.now_ms())

    async def _shows(self, follower: Person, post_id: str) -> bool:
        with understood():
            page = await self._doer.api.call(follower, "GET", "/v1/feed", limit=LOOK_LENGTH)
            return any(post["id"] == post_id for post in page["posts"])
