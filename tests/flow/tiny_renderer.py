"""A renderer of tiny variants that counts what it did."""

from collections import Counter

from instastream.errors import Corrupt
from instastream.media import Rendered, Rendering

DAMAGED = b"damaged"


class TinyRenderer:
    """Bytes in, tiny bytes out."""

    def __init__(self) -> None:
        self.renders: Counter[bytes] = Counter()

    async def render(self, content: bytes) -> Rendering:
        self.renders[content] += 1
        if content == DAMAGED:
            raise Corrupt("damaged", "it can't be decoded")
        variants = [Rendered(name, 1, 1, variant(name, content)) for name in ("full", "thumb")]
        return Rendering(variants, thumbhash="", colour="")


def variant(name: str, content: bytes) -> bytes:
    return name.encode() + b" of " + content
