"""What a render process does with a photograph."""

from pathlib import Path

from bench.rivals.answering import Wanted, answer
from instastream import images


def render(photo: Path, folder: Path, _: list[Wanted]) -> None:
    """Every variant, as images.render makes it."""
    for variant in images.render(photo).variants:
        (folder / f"{variant.name}.webp").write_bytes(variant.content)


if __name__ == "__main__":
    answer(render)
