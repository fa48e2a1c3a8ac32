"""Where a page goes on: keyset cursors that say nothing to clients, each good for one list."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest

from instastream.errors import Rejected
from instastream.ids import PostId, UserId

VERSION = b"\x02"
ID_BYTES = 8
SEAL_BYTES = 9  # 2^72 guesses, for a place that anybody may read anyway
ID_DIGITS = 19
CURSOR_PATTERN = "^A[g-n][A-Za-z0-9_-]{22}$"  # version 2, a positive 64-bit integer, a seal

assert (len(VERSION) + ID_BYTES + SEAL_BYTES) % 3 == 0  # no padding


def cursor_after(post_id: PostId, *, of: str, key: bytes) -> str:
    """The cursor of the page of a list whose posts are all older than this one."""
    place = VERSION + int(post_id).to_bytes(ID_BYTES, "big")
    return urlsafe_b64encode(place + _seal(place, of, key)).decode()


def before_of(cursor: str, *, of: str, key: bytes) -> PostId:
    """The post that a page of a list comes after; raises Rejected("invalid-cursor").

    It need not exist (any more): a cursor is a place in the order of ids.
    """
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise Rejected("invalid-cursor", f"{cursor[:40]!r} is not a cursor of this API")
    raw = urlsafe_b64decode(cursor)
    place, seal = raw[:-SEAL_BYTES], raw[-SEAL_BYTES:]
    if not compare_digest(seal, _seal(place, of, key)):
        raise Rejected("invalid-cursor", f"{cursor!r} is not a cursor of this list")
    return PostId(str(int.from_bytes(place[len(VERSION) :], "big")).zfill(ID_DIGITS))


def users_cursor(user_id: UserId, *, place: str, key: bytes) -> str:
    """The cursor of the page that comes after a user, in the list and for the viewer of `place`."""
    return cursor_after(PostId(user_id), of=place, key=key)


def user_before(cursor: str, *, place: str, key: bytes) -> UserId:
    """The user whom a page comes after; raises Rejected("invalid-cursor")."""
    return UserId(before_of(cursor, of=place, key=key))


def _seal(place: bytes, of: str, key: bytes) -> bytes:
    sealed = place + of.encode()
    return blake2b(sealed, key=key, digest_size=SEAL_BYTES, person=b"cursor").digest()
