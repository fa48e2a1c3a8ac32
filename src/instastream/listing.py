"""Looks through the object store a page at a time: all of it, or on from where a pass ended."""

from collections.abc import AsyncIterator, Sequence

from instastream.deps import Deps
from instastream.stores.blobs import Listed

PAGE_LENGTH = 1_000  # what S3 lists and deletes at once


async def pages(prefix: str, deps: Deps) -> AsyncIterator[Sequence[Listed]]:
    """All that lies under a prefix."""
    after = ""
    while page := await deps.blobs.page(prefix, after=after, limit=PAGE_LENGTH):
        yield page
        if len(page) < PAGE_LENGTH:
            break
        after = page[-1].key


async def next_pages(prefix: str, deps: Deps, *, count: int) -> AsyncIterator[Sequence[Listed]]:
    """Some pages, from where the last pass ended; after the last one it begins anew."""
    after = await deps.uploads.last_swept(prefix)
    for _ in range(count):
        page = await deps.blobs.page(prefix, after=after, limit=PAGE_LENGTH)
        after = page[-1].key if len(page) == PAGE_LENGTH else ""
        # first: a page that fails does not stop the others
        await deps.uploads.record_swept(prefix, after)
        yield page
        if not after:
            break
