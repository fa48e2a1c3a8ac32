"""A request that may be repeated: its Idempotency-Key belongs to it, and so does its result."""

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import UserId
from instastream.stores.uploads import Request


async def bind(key: str | None, user_id: UserId, request: Request, deps: Deps) -> str:
    """What the request leads to: as it says, or as it said when it came first with this key.

    Raises Rejected("idempotency-key-reused") where the key came with another one.
    """
    if key is None:
        return request.result
    standing = await deps.uploads.remember(user_id=user_id, key=key, request=request)
    if standing.digest != request.digest:
        raise Rejected("idempotency-key-reused", "this Idempotency-Key came with another request")
    return standing.result
