"""What a render process does with a photograph."""

from pathlib import Path

from bench.rivals.answering import Wanted, answer
from instastream.images import variants


def render(photo: Path, folder: Path, _: list[Wanted]) -> None:
    """Every variant, as variants.render makes it."""
    for variant in variants.render(photo.read_bytes()).variants:
        (folder / f"{variant.name}.webp").write_bytes(variant.content)


if __name__ == "__main__":
    answer(render)
