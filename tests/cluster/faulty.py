"""Runs a process of the system with a fault in it: python -m tests.cluster.faulty FAULT PROGRAM...

Once soon, and from then on once in a thousand times, it does something wrong.
"""

import runpy
import sys
from collections.abc import Callable, Collection
from itertools import count

from msgspec.structs import replace

from instastream import access, program
from instastream.ids import PostId, UserId
from instastream.relations import Relations
from instastream.stores.counters import Total
from instastream.stores.counts import Kind
from instastream.stores.posts import Post
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from instastream.stores.users import User
from instastream.visibility import sees

EVERY = 1_000
_numbers = count()


def _is_wrong_now(*, first: int) -> bool:
    return next(_numbers) % EVERY == first


def _drop_a_push() -> None:
    push = RedisFeeds.push

    async def dropping(self: RedisFeeds, post_id: PostId, readers: list[UserId]) -> None:
        kept = [reader for reader in readers if not _is_wrong_now(first=60)]
        await push(self, post_id, kept)  # the first find no lists yet, as nobody has read

    RedisFeeds.push = dropping  # type: ignore[method-assign]


def _count_a_like_twice() -> None:
    publish = RedisCounts.publish
    more: dict[str, int] = {}

    async def counting(self: RedisCounts, kind: Kind, totals: Collection[Total]) -> None:
        if kind == "likes":
            for total in totals:
                more.setdefault(total.subject_id, 0)
                more[total.subject_id] += _is_wrong_now(first=5)
            totals = [
                replace(total, count=total.count + more[total.subject_id]) for total in totals
            ]
        await publish(self, kind, totals)

    RedisCounts.publish = counting  # type: ignore[method-assign]


def _show_a_private_post() -> None:
    leaked: set[PostId] = set()

    def leaking(reader: UserId, post: Post, author: User, relations: Relations) -> bool:
        is_seen = sees(reader, post, author, relations)
        if not is_seen and author.private and not leaked:
            leaked.add(post.post_id)
        return is_seen or post.post_id in leaked

    access.sees = leaking  # type: ignore[attr-defined]


FAULTS: dict[str, Callable[[], None]] = {
    "a-push-is-dropped": _drop_a_push,
    "a-like-counts-twice": _count_a_like_twice,
    "a-private-post-is-shown": _show_a_private_post,
}

if __name__ == "__main__":
    _, fault, *sys.argv = sys.argv
    FAULTS[fault]()
    if sys.argv[0] == "streams":
        runpy.run_module("streams", run_name="__main__", alter_sys=True)
    else:
        program.main()
