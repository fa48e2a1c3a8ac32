"""How a bench tells its results: a table to read and a file to compare."""

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, to_builtins
from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"


class Result(Struct, frozen=True, kw_only=True):
    """One measurement; `ratio` is how many times better it is than `against`, above 1 is better."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None


def report(name: str, results: list[Result]) -> None:
    """Print one table and write `bench/out/{name}.json`, one result to a line."""
    table = Table("result", "value", "unit", "ratio", "against", title=name)
    for result in results:
        table.add_row(*_cells(result))
    Console().print(table)
    OUT.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(to_builtins(result)) for result in results)
    path = OUT / f"{name}.json"
    path.write_text(f"[\n{lines}\n]\n")
    Console().print(
        f"A ratio above 1 is better. Written to {path}", highlight=False, soft_wrap=True
    )


def _cells(result: Result) -> Iterator[str]:
    yield result.name
    yield f"{result.value:,.4g}"
    yield result.unit
    yield "" if result.ratio is None else f"{result.ratio:.2f}x"
    yield result.against or ""
