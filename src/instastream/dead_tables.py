"""Dead letters as people see them."""

from datetime import UTC, datetime

from rich.table import Column, Table

from instastream.redriving import Dealt, Letter, Summary

SHOWN = 50
WHY_LENGTH = 60  # of a message in a list


def letters_table(letters: list[Summary], title: str) -> Table:
    """The latest of many."""
    of = Column("of", overflow="fold")
    table = Table(Column("letter", justify="right"), "died", "app", of, "why")
    table.title, table.title_justify = title, "left"
    for one in letters[-SHOWN:]:
        why = f"{one.error}: {one.message[:WHY_LENGTH]}"
        table.add_row(str(one.id), _time(one.died_ms), one.app, f"{_place(one)}\n{one.key}", why)
    table.caption = f"{len(letters)} in all"
    if len(letters) > SHOWN:
        table.caption += f", of which the latest {SHOWN}: --json has all"
    return table


def letter_table(letter: Letter) -> Table:
    """All of one, but its stack."""
    one = letter.summary
    table = Table(show_header=False, title=f"Dead letter {one.id}", title_justify="left")
    table.add_row("died", _time(one.died_ms))
    table.add_row("attempts", str(one.attempts))
    table.add_row("app", one.app)
    table.add_row("record", f"{_place(one)}, of {_time(one.timestamp_ms)}")
    table.add_row("key", one.key)
    for name, value in letter.headers:
        table.add_row(name, value)
    table.add_row("value", letter.value)
    table.add_row("error", f"{one.error}: {letter.message}")
    return table


def dealt_tables(letters: list[Summary], dealt: Dealt | None, done: str) -> list[Table]:
    """What was done (`redriven`, `dropped`), or would be; and what was left."""
    if dealt is None:
        return [letters_table(letters, f"Would be {done}")]
    tables = [letters_table([one for one in letters if one.id in dealt.done], done.capitalize())]
    if dealt.left:
        left = Table("letter", "why", title="Left as they were", title_justify="left")
        for letter, why in dealt.left.items():
            left.add_row(str(letter), why)
        tables.append(left)
    return tables


def _place(one: Summary) -> str:
    return f"{one.topic} {one.partition}: {one.offset}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", timespec="seconds")[:19]
