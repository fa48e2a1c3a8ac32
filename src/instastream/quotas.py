"""How many uploads a user may have open at once: until they are posts, aborted or too old."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from instastream.deps import Deps
from instastream.errors import Rejected, Unavailable
from instastream.ids import MediaId
from instastream.limits import UPLOADS_OPEN_MAX
from instastream.stores.uploads import Upload
from instastream.uploads import usable_until_ms


@asynccontextmanager
async def opening(upload: Upload, *, in_parts: bool, deps: Deps) -> AsyncIterator[None]:
    """Open one more upload, or raise Rejected; what fails within is not open.

    It is written before it is counted: of those who begin at the same moment the last to count
    sees all, so that never too many are open. Two who meet at the last place may both be refused.
    """
    now_ms, until_ms = deps.now_ms(), usable_until_ms(upload.declared_ms, in_parts=in_parts)
    others = await deps.uploads.opened(upload.user_id, now_ms=now_ms)
    _check(others, now_ms)
    try:
        await deps.uploads.open(upload, until_ms=until_ms)
        opened = await deps.uploads.opened(upload.user_id, now_ms=now_ms)
        _check({one: end for one, end in opened.items() if one != upload.media_id}, now_ms)
        yield
    except BaseException:
        with suppress(Unavailable):  # it ends by itself
            await deps.uploads.close(upload)
        raise


def _check(others: Mapping[MediaId, int], now_ms: int) -> None:
    if len(others) < UPLOADS_OPEN_MAX:
        return
    until_ms, media_id = min((end_ms, media_id) for media_id, end_ms in others.items())
    until = datetime.fromtimestamp(until_ms / 1000, UTC).isoformat(timespec="seconds")
    raise Rejected(
        "too-many-uploads",
        f"{len(others)} are open: finalize or abort some, such as {media_id}, or wait for {until}",
        retry_after_s=(until_ms - now_ms) // 1000 + 1,
    )
