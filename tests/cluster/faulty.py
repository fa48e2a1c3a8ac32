"""Runs a process of the system with a fault in it: python -m tests.cluster.faulty FAULT PROGRAM...

It goes wrong three times soon, for once may be undone by what comes after it, and from then on
three times in a thousand.
"""

import runpy
import sys
from collections import Counter
from collections.abc import Callable, Collection
from itertools import count

from msgspec.structs import replace

from instastream import program
from instastream.ids import PostId, UserId
from instastream.reading import finding
from instastream.relations import Relations
from instastream.stores.counters import Total
from instastream.stores.counts import Kind
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from instastream.stores.users import User
from instastream.visibility import sees

EVERY = 1_000
SOON = {0, 3, 6}
_numbers = count()


def _is_wrong_now() -> bool:
    return next(_numbers) % EVERY in SOON


def _drop_pushes() -> None:
    push = RedisFeeds.push

    async def dropping(self: RedisFeeds, post_id: PostId, readers: list[UserId]) -> None:
        kept = [
            reader for reader in readers if await self.peek(reader) is None or not _is_wrong_now()
        ]
        await push(self, post_id, kept)

    RedisFeeds.push = dropping  # type: ignore[method-assign]


def _count_likes_twice() -> None:
    publish = RedisCounts.publish
    more: Counter[str] = Counter()

    async def counting(self: RedisCounts, kind: Kind, totals: Collection[Total]) -> None:
        if kind == "likes":
            for total in totals:
                more[total.subject_id] += _is_wrong_now()
            totals = [
                replace(total, count=total.count + more[total.subject_id]) for total in totals
            ]
        await publish(self, kind, totals)

    RedisCounts.publish = counting  # type: ignore[method-assign]


def _show_private_posts() -> None:
    leaked: set[UserId] = set()

    def leaking(reader: UserId, author: User, relations: Relations, *, is_ready: bool) -> bool:
        if sees(reader, author, relations, is_ready=is_ready):
            return True
        if not author.private or not is_ready:
            return False
        if _is_wrong_now():
            leaked.add(author.user_id)
        return author.user_id in leaked

    finding.sees = leaking  # type: ignore[attr-defined]


FAULTS: dict[str, Callable[[], None]] = {
    "pushes-are-dropped": _drop_pushes,
    "likes-count-twice": _count_likes_twice,
    "private-posts-are-shown": _show_private_posts,
}

if __name__ == "__main__":
    _, fault, *sys.argv = sys.argv
    FAULTS[fault]()
    if sys.argv[0] == "streams":
        runpy.run_module("streams", run_name="__main__", alter_sys=True)
    else:
        program.main()
