"""Where a page goes on: keyset cursors that say nothing to clients, each good for one list."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest

from msgspec import UNSET, UnsetType

from instastream.errors import Rejected

VERSION = b"\x02"
ID_BYTES = 8
SEAL_BYTES = 9  # 2^72 guesses, for a place that anybody may read anyway
ID_DIGITS = 19
CURSOR_PATTERN = "^A[g-n][A-Za-z0-9_-]{22}$"  # version 2, a positive 64-bit integer, a seal

assert (len(VERSION) + ID_BYTES + SEAL_BYTES) % 3 == 0  # no padding


def cursor_after(last: str, *, of: str, key: bytes) -> str:
    """The cursor of the page of a list that comes after this id."""
    place = VERSION + int(last).to_bytes(ID_BYTES, "big")
    return urlsafe_b64encode(place + _seal(place, of, key)).decode()


def link_after(last: str, target: str, *, of: str, key: bytes) -> tuple[str, str]:
    """The cursor of the page that comes after this id, and a Link to it.

    `target` asks for the first page; it has a query already.
    """
    cursor = cursor_after(last, of=of, key=key)
    return cursor, f'<{target}&cursor={cursor}>; rel="next"'


def place_of(cursor: str | UnsetType, *, of: str, key: bytes) -> str | None:
    """The id that a page comes after, None at first; raises Rejected("invalid-cursor")."""
    return None if cursor is UNSET else before_of(cursor, of=of, key=key)


def before_of(cursor: str, *, of: str, key: bytes) -> str:
    """The id that a page of a list comes after; raises Rejected("invalid-cursor").

    It need not exist (any more): a cursor is a place in the order of ids.
    """
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise Rejected("invalid-cursor", f"{cursor[:40]!r} is not a cursor of this API")
    raw = urlsafe_b64decode(cursor)
    place, seal = raw[:-SEAL_BYTES], raw[-SEAL_BYTES:]
    if not compare_digest(seal, _seal(place, of, key)):
        raise Rejected("invalid-cursor", f"{cursor!r} is not a cursor of this list")
    return str(int.from_bytes(place[len(VERSION) :], "big")).zfill(ID_DIGITS)


def _seal(place: bytes, of: str, key: bytes) -> bytes:
    sealed = place + of.encode()
    return blake2b(sealed, key=key, digest_size=SEAL_BYTES, person=b"cursor").digest()
