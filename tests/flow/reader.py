"""Reads feeds and timelines as an API process does that has been up since the first read."""

from instastream.api.fields import SIZES
from instastream.deps import Deps
from instastream.ids import PostId, UserId
from instastream.reading import pages
from instastream.reading.known import Known
from instastream.reading.pages import Page
from instastream.reading.totals import Numbers
from instastream.stores.posts import Post

_processes: dict[int, tuple[Deps, Known]] = {}  # the deps are kept, so that no id comes twice


def known_of(deps: Deps) -> Known:
    """What the process knows."""
    if id(deps) not in _processes:
        _processes[id(deps)] = deps, Known(deps, show=show, show_numbers=show_numbers, sizes=SIZES)
    return _processes[id(deps)][1]


def show(post: Post, size: str) -> bytes:
    """Something that is another with every change of a post."""
    return f"{size} {post}".encode()


def show_numbers(numbers: Numbers) -> bytes:
    """Something that is another with every change of a number."""
    return str(numbers).encode()


async def read_page(
    deps: Deps, reader: UserId, *, before: PostId | None = None, limit: int = 100
) -> Page:
    """A page of a feed."""
    return await pages.read_feed(
        reader, before=before, limit=limit, size=SIZES[0], known=known_of(deps), deps=deps
    )


async def feed(deps: Deps, reader: UserId) -> list[PostId]:
    """The ids of the first page of a feed."""
    return (await read_page(deps, reader)).post_ids
