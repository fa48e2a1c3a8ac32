"""Dead letters as people see them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.table import Column, Table
from rich.text import Text

from instastream.redriving import Dealt, Letter, Summary

SHOWN = 50
WHY_LENGTH = 60  # of a message in a list


def letters_table(letters: list[Summary], title: str) -> Table:
    """The latest of many."""
    table = Table(Column("letter", justify="right"), "died", "app")
    table.add_column("of", overflow="fold")
    table.add_column("why")
    table.title, table.title_justify = title, "left"
    for one in letters[-SHOWN:]:
        why = _text(f"{one.error}: {one.message[:WHY_LENGTH]}")
        of = _text(f"{_place(one)}\n{one.key}")
        table.add_row(str(one.id), _time(one.died_ms), _text(one.app), of, why)
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
    table.add_row("app", _text(one.app))
    table.add_row("record", _text(f"{_place(one)}, of {_time(one.timestamp_ms)}"))
    table.add_row("key", _text(one.key))
    for name, value in letter.headers:
        table.add_row(_text(name), _text(value))
    table.add_row("value", _text(letter.value))
    table.add_row("error", _text(f"{one.error}: {letter.message}"))
    return table


def dealt_tables(
    letters: list[Summary], dealt: Dealt | None, done: str, *, would_leave: Mapping[int, str]
) -> list[Table]:
    """What was done (`redriven`, `dropped`), or would be; and what was left."""
    if dealt is None:
        goes = [one for one in letters if one.id not in would_leave]
        tables = [letters_table(goes, f"Would be {done}")]
        return tables + _left_tables(would_leave, "Would be left as they are")
    tables = [letters_table([one for one in letters if one.id in dealt.done], done.capitalize())]
    return tables + _left_tables(dealt.left, "Left as they were")


def _left_tables(left: Mapping[int, str], title: str) -> list[Table]:
    """None where nothing was left."""
    table = Table("letter", "why", title=title, title_justify="left")
    for letter, why in left.items():
        table.add_row(str(letter), _text(why))
    return [table] if left else []


def harmless(text: str) -> str:
    """What somebody else wrote, without what terminals obey."""
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode()
        for one in text
    )


def _text(text: str) -> Text:
    """So, and no markup either."""
    return Text(harmless(text))


def _place(one: Summary) -> str:
    return f"{one.topic} {one.partition}: {one.offset}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", timespec="seconds")[:19]
