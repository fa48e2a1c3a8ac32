"""What `instastream digest` and `instastream rebuild` answer, and how people see it."""

from collections.abc import Sequence

from msgspec import Struct
from rich.markup import escape
from rich.table import Table

from instastream.rebuilding.comparing import Odd
from instastream.rebuilding.digesting import Difference, Digest
from instastream.rebuilding.replaying import Replayed


class Digested(Struct, frozen=True, kw_only=True):
    """What tables hold; and, where it was compared with what they held, which of them differ."""

    digests: list[Digest]
    differences: list[Difference] | None = None


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What was replayed for each projection; and, of a shadow, what is another than what serves."""

    dry_run: bool
    replays: list[Replayed]
    different: list[Odd] | None = None

    @property
    def refused(self) -> int:
        """How many records no handler could digest."""
        return sum(one.refused for one in self.replays)


def digest_tables(digested: Digested) -> list[Table]:
    """What tables hold, and which of them differ."""
    table = Table("projection", "table", "rows", "digest", title="Digests", title_justify="left")
    for one in digested.digests:
        table.add_row(one.projection, one.table, f"{one.rows:,}", one.digest)
    if digested.differences is None:
        return [table]
    differ = Table("table", "rows", "before", "parts", title="Different", title_justify="left")
    for difference in digested.differences:
        counts = f"{difference.rows:,}", f"{difference.rows_before:,}"
        differ.add_row(difference.table, *counts, ", ".join(map(str, difference.parts)))
    differ.caption = f"{len(digested.differences)} of {len(digested.digests)} tables"
    return [table, differ]


def rebuilt_tables(rebuilt: Rebuilt) -> list[Table]:
    """What was replayed, and where a shadow is another."""
    table = Table("projection", title_justify="left")
    for heading in ("records", "events", "passed", "refused", "seconds", "a second"):
        table.add_column(heading, justify="right")
    for one in rebuilt.replays:
        numbers = one.records, one.events, one.passed, one.refused
        per_s = one.records / one.duration_s if one.duration_s else 0.0
        rates = f"{one.duration_s:.1f}", f"{per_s:,.0f}"
        table.add_row(one.projection, *(f"{number:,}" for number in numbers), *rates)
        for refusal in one.refusals:
            place = f"{refusal.topic}/{refusal.partition}:{refusal.offset}"
            table.add_row(escape(f"  {place}: {refusal.error}"))
    table.title = "Would be replayed" if rebuilt.dry_run else "Replayed"
    return [table] if rebuilt.different is None else [table, _different_table(rebuilt.different)]


def _different_table(different: Sequence[Odd]) -> Table:
    table = Table("table", title="Not what the log says", title_justify="left")
    for heading in ("serves, is not in the log", "in the log, does not serve"):
        table.add_column(heading, justify="right")
    for one in different:
        table.add_row(one.table, f"{one.serving_only:,}", f"{one.shadow_only:,}")
        for row in one.rows:
            table.add_row(escape(f"  {row}"))
    if not different:
        table.caption = "Nothing: all that serves is what the log says"
    return table
