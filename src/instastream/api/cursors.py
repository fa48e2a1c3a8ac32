"""Where a page goes on: keyset cursors that say nothing to clients."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest

from instastream.errors import Rejected
from instastream.ids import PostId, UserId

VERSION = b"\x01"
ID_BYTES = 8
ID_DIGITS = 19
SEAL_BYTES = 6  # of lists of users: 2^48 guesses would only show a place in a list
USERS_VERSION = b"\x02"
USERS_CURSOR_PATTERN = "^A[g-n][A-Za-z0-9_-]{18}$"
CURSOR_PATTERN = "^A[Q-X][A-Za-z0-9_-]{10}$"  # exactly: version 1, a positive 64-bit integer


def cursor_after(post_id: PostId) -> str:
    """The cursor of the page whose posts are all older than this one."""
    return urlsafe_b64encode(VERSION + int(post_id).to_bytes(ID_BYTES, "big")).decode()


def before_of(cursor: str) -> PostId:
    """The post that a page comes after; raises Rejected("invalid-cursor").

    It need not exist (any more): a cursor is a place in the order of ids.
    """
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise Rejected("invalid-cursor", f"{cursor[:40]!r} is not a cursor of this API")
    raw = urlsafe_b64decode(cursor)
    return PostId(str(int.from_bytes(raw[len(VERSION) :], "big")).zfill(ID_DIGITS))


def users_cursor(user_id: UserId, *, place: str, key: bytes) -> str:
    """The cursor of the page that comes after a user, in the list and for the viewer of `place`."""
    raw = int(user_id).to_bytes(ID_BYTES, "big")
    return urlsafe_b64encode(USERS_VERSION + raw + _seal(raw, place, key)).decode()


def user_before(cursor: str, *, place: str, key: bytes) -> UserId:
    """The user whom a page comes after; raises Rejected("invalid-cursor").

    Also for the cursor of another list or viewer, and for what was made up.
    """
    if re.fullmatch(USERS_CURSOR_PATTERN, cursor):
        raw = urlsafe_b64decode(cursor)[len(USERS_VERSION) :]
        user_id, seal = raw[:ID_BYTES], raw[ID_BYTES:]
        if compare_digest(seal, _seal(user_id, place, key)):
            return UserId(str(int.from_bytes(user_id, "big")).zfill(ID_DIGITS))
    raise Rejected("invalid-cursor", f"{cursor[:40]!r} is not a cursor of this list")


def _seal(raw: bytes, place: str, key: bytes) -> bytes:
    said = b"cursor:" + raw + place.encode()
    return blake2b(said, key=key, digest_size=SEAL_BYTES).digest()
