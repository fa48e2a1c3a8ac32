"""How a large upload is cut into parts, decided without any I/O."""

import base64
from hashlib import sha256

from instastream.limits import PART_BYTES


def part_count(size_bytes: int) -> int:
    """How many parts such an upload has."""
    return -(-size_bytes // PART_BYTES)


def part_sizes(size_bytes: int) -> dict[int, int]:
    """The bytes of each part by its number, from 1: all have `PART_BYTES` but the last."""
    count = part_count(size_bytes)
    last = size_bytes - (count - 1) * PART_BYTES
    return {number: PART_BYTES if number < count else last for number in range(1, count + 1)}


def sha256_of(content: bytes) -> str:
    """Its digest, in base64, as an upload is declared."""
    return base64.b64encode(sha256(content).digest()).decode()


def sha256_of_parts(sha256s: list[str]) -> str:
    """The digest of the digests of all parts; like each of them in base64."""
    digests = b"".join(base64.b64decode(each) for each in sha256s)
    return base64.b64encode(sha256(digests).digest()).decode()


def composite(sha256: str, count: int) -> str:
    """How S3 spells the checksum of an object that came in parts."""
    return f"{sha256}-{count}"
