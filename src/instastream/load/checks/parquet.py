"""Histories as Parquet, for those who ask them with SQL or data frames."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict

from instastream.load.checks.histories import FRAME, Entry, header_of
from instastream.load.extra import extra

if TYPE_CHECKING:
    from pyarrow import Schema

ROW_GROUP_LENGTH = 50_000  # rows in memory at once: 100 MB where all of them are pages
TEXTS = (
    "user",
    "name",
    "post",
    "comment",
    "other",
    "key",
    "cursor",
    "text",
    "next",
    "problem",
    "error",
    "why",
)


def to_parquet(history: Iterable[Entry], path: Path) -> int:
    """Write what a history tells into a new file, row group by row group; returns how many rows.

    A column for each field of an entry, null where it has none, `seen` as a list of structs; but
    without passwords. The first header is JSON in the file's metadata, at `instastream.header`;
    headers and footers are no rows. Raises Unready without pyarrow.
    """
    with extra():
        from pyarrow import RecordBatch
        from pyarrow.parquet import ParquetWriter
    header, entries = header_of(history)
    told = msgspec.json.encode(header).decode()
    schema = _schema().with_metadata({"instastream.header": told})
    rows, count = map(_row, (one for one in entries if one.phase not in FRAME)), 0
    with ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROW_GROUP_LENGTH)):
            writer.write_batch(RecordBatch.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _schema() -> "Schema":
    from pyarrow import (
        bool_,
        dictionary,
        float64,
        int32,
        int64,
        list_,
        schema,
        string,
        struct,
    )

    word = dictionary(int32(), string())
    seen = [
        ("post", string()),
        ("author", string()),
        ("likes", int64()),
        ("comments", int64()),
        ("liked", bool_()),
        ("as_of_ms", int64()),
    ]
    return schema(
        [
            ("op", int64()),
            ("phase", word),
            ("kind", word),
            ("at_ms", float64()),
            ("due_ms", float64()),
            *((name, string()) for name in TEXTS),
            ("private", bool_()),
            ("poison", bool_()),
            ("limit", int64()),
            ("status", int64()),
            ("seen", list_(struct(seen))),
        ]
    )


def _row(entry: Entry) -> dict[str, Any]:
    row = {name: value for name, value in asdict(entry).items() if value is not UNSET}
    if entry.seen:
        row["seen"] = list(map(asdict, entry.seen))
    return row
