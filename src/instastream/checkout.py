"""What some commands need of a checkout, because it is not installed: folders, and the benches."""

from pathlib import Path

from instastream.errors import Unready


def folder(name: str | Path) -> Path:
    """A folder of the checkout; raises Unready elsewhere."""
    if not Path(name).is_dir():
        raise Unready(f"there is no {name}/ here: run this in the checkout")
    return Path(name)


def benches() -> list[str]:
    """Every bench by name: unlike what benches share, it can be run."""
    paths = folder("bench").glob("*.py")
    return sorted(path.stem for path in paths if "\ndef main(" in path.read_text())
