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
    return _result(standing, request.digest)


async def recall(key: str | None, user_id: UserId, digest: str, deps: Deps) -> str | None:
    """What a request with this digest led to when it came before, None where it did not.

    It costs a read, and binds nothing. Raises as `bind` does.
    """
    standing = await deps.uploads.recall(user_id=user_id, key=key) if key else None
    return _result(standing, digest) if standing else None


def _result(standing: Request, digest: str) -> str:
    if standing.digest != digest:
        raise Rejected("idempotency-key-reused", "this Idempotency-Key came with another request")
    return standing.result
