"""Where a page of posts goes on: keyset cursors that say nothing to clients."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from instastream.errors import Rejected
from instastream.ids import PostId

VERSION = b"\x01"
ID_BYTES = 8
ID_DIGITS = 19
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
