"""Never too many uploads of a user are open, however many begin at once."""

import asyncio
from contextlib import suppress
from uuid import uuid4

from instastream import quotas
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import MediaId, UserId
from instastream.limits import UPLOADS_OPEN_MAX
from instastream.stores.uploads import Upload


async def open_one(user: UserId, deps: Deps) -> bool:
    """Whether it was let in."""
    upload = Upload(
        media_id=MediaId(str(uuid4())),
        user_id=user,
        content_type="image/jpeg",
        size_bytes=5,
        sha256="",
        declared_ms=deps.now_ms(),
    )
    with suppress(Rejected):
        async with quotas.opening(upload, in_parts=False, deps=deps):
            return True
    return False


async def test_never_too_many_are_open_at_once(deps: Deps, user: UserId) -> None:
    let_in = 0
    for _ in range(4):
        let_in += sum(await asyncio.gather(*(open_one(user, deps) for _ in range(40))))
        opened = await deps.uploads.opened(user, now_ms=deps.now_ms())
        assert len(opened) == let_in <= UPLOADS_OPEN_MAX
    while await open_one(user, deps):
        let_in += 1
    assert let_in == UPLOADS_OPEN_MAX
