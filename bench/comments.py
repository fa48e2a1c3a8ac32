"""A page of comments of a post that has a thousand, a hundred thousand and a million of them.

As the API reads it, with authors, counts and likes, from the real servers: the newest, the oldest,
and one from the middle of the thread on. Pages of the three posts are read in turn.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median, quantiles

from bench.command import command
from bench.feeding.world import all_of, new_post, new_user
from bench.followers import many_ids
from bench.report import Result, report
from bench.system import worker_alone
from instastream.deps import Deps, now_ms, open_deps
from instastream.ids import CommentId, PostId, UserId
from instastream.limits import COMMENT_BUCKET_LENGTH, PAGE_LENGTH_DEFAULT
from instastream.reading import comments
from instastream.reading.known import Known
from instastream.settings import Settings
from instastream.stores.cassandra.comments import FIRST, LIST, PLACE
from instastream.stores.cassandra.session import Session, open_session
from instastream.stores.comments import Order
from instastream.terminal import Steps

LENGTHS = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000}
PAGES = 300  # of each kind and thread
ROWS_TOGETHER = 50
TEXT = "The field behind the house! I remember it from last summer, when the grass was taller."
ADD = f"""INSERT INTO comments (thread_id, bucket, comment_id, post_id, author_id, text, mentions)
    VALUES (?, ?, ?, ?, ?, '{TEXT}', '[]') USING TIMESTAMP {FIRST};"""


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A post, and what is said about it, the oldest first."""

    post_id: PostId
    comment_ids: Sequence[str]

    def begins(self) -> dict[str, tuple[Order, CommentId | None]]:
        """Where each kind of page begins."""
        middle = CommentId(self.comment_ids[len(self.comment_ids) * 3 // 7])  # within a bucket
        return {
            "newest": ("newest", None),
            "oldest": ("oldest", None),
            "middle": ("newest", middle),
        }


def main() -> None:
    """Measure, print, write `bench/out/comments.json`."""
    command(__doc__).parse_args()
    with Steps() as steps:
        results = asyncio.run(_measure(steps))
    report("comments", results)


async def _measure(steps: Steps) -> list[Result]:
    async with AsyncExitStack() as stack:
        _, environ = await stack.enter_async_context(worker_alone("engagement", steps))
        settings = Settings.from_env(environ)
        session = await stack.enter_async_context(open_session(settings))
        deps = await stack.enter_async_context(open_deps(settings))
        author = await new_user(deps)
        threads = {
            name: await _thread(length, author, session, deps, steps)
            for name, length in LENGTHS.items()
        }
        ms = await _read(threads, author, deps)
    return list(_results(ms))


async def _thread(
    length: int, author: UserId, session: Session, deps: Deps, steps: Steps
) -> Thread:
    """Written as the worker writes it, but many rows of a bucket at once."""
    post_id = await new_post(author, deps)
    thread = Thread(post_id=post_id, comment_ids=many_ids(length, at_ms=now_ms()))
    for start in range(0, length, COMMENT_BUCKET_LENGTH):
        bucket = start // COMMENT_BUCKET_LENGTH
        ids = thread.comment_ids[start : start + COMMENT_BUCKET_LENGTH]
        await session.execute(LIST, int(post_id), bucket, FIRST)
        pieces = [ids[at : at + ROWS_TOGETHER] for at in range(0, len(ids), ROWS_TOGETHER)]
        await all_of(_add(some, bucket, post_id, author, session) for some in pieces)
        steps.report(f"{length:,} comments", start + len(ids), length)
    for _, after in thread.begins().values():
        if after:
            at = thread.comment_ids.index(after) // COMMENT_BUCKET_LENGTH
            await session.execute(PLACE, int(after), int(post_id), at, FIRST)
    return thread


async def _add(
    ids: Sequence[str], bucket: int, post_id: PostId, author: UserId, session: Session
) -> None:
    values = [(int(post_id), bucket, int(one), int(post_id), int(author)) for one in ids]
    await session.execute(
        f"BEGIN UNLOGGED BATCH {ADD * len(ids)} APPLY BATCH",
        *(value for row in values for value in row),
    )


async def _read(
    threads: dict[str, Thread], viewer: UserId, deps: Deps
) -> dict[tuple[str, str], list[float]]:
    """Milliseconds of each page, by kind and thread."""
    known = Known(deps, show=lambda *_: b"", show_numbers=lambda *_: b"", sizes=())
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(PAGES):
        for name, thread in threads.items():
            for kind, (order, after) in thread.begins().items():
                begun_s = time.perf_counter()
                page = await comments.of_post(
                    thread.post_id,
                    viewer,
                    order=order,
                    after=after,
                    limit=PAGE_LENGTH_DEFAULT,
                    known=known,
                    deps=deps,
                )
                ms = 1_000 * (time.perf_counter() - begun_s)
                assert len(page.shown) == PAGE_LENGTH_DEFAULT
                taken.setdefault((kind, name), []).append(ms)
    return taken


def _results(ms: dict[tuple[str, str], list[float]]) -> Iterator[Result]:
    """Flat is 1: a page of a million takes as long as one of a thousand."""
    ratios = [median(ms[kind, "1k"]) / median(ms[kind, "1m"]) for kind, _ in ms]
    yield Result(
        name="page_1m_vs_1k",
        value=median(ms["newest", "1m"]),
        unit="ms",
        ratio=min(ratios),
        against="a thousand comments; the worst of the three kinds",
    )
    for (kind, name), taken in ms.items():
        yield Result(name=f"{kind}_{name}_p50", value=median(taken), unit="ms")
        yield Result(name=f"{kind}_{name}_p99", value=quantiles(taken, n=100)[98], unit="ms")


if __name__ == "__main__":
    main()
