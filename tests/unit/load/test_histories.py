"""Histories are read as they were written, whatever cut them short."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from msgspec.json import encode
from msgspec.structs import replace

from instastream import schemas
from instastream.errors import InstastreamError
from instastream.load.checks.histories import Entry, Seen, header_of, read
from instastream.load.checks.parquet import to_parquet
from instastream.load.jsonlines import Writer
from tests.unit.load.test_rules import told

HEADER = Entry(
    phase="header", at_ms=0, version=1, scenario="smoke", seed=7, run="r", api="http://a"
)


def like(op: int, at_ms: float) -> Entry:
    return Entry(phase="invoked", op=op, kind="like", at_ms=at_ms, user="ada", post="p")


def written(path: Path, *entries: Entry) -> Path:
    with Writer(path) as writer:
        for entry in entries:
            writer.write(entry)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    history = told().history
    path = written(tmp_path / "run.0.jsonl", *history)
    assert list(read(path)) == history


def test_every_line_fits_the_published_schema() -> None:
    validator = Draft202012Validator(schemas.history_schema())
    for entry in [HEADER, *told().history]:
        validator.validate(json.loads(encode(entry)))


def test_a_folder_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    written(tmp_path / "run.0.jsonl", HEADER, like(1, 10), like(2, 40))
    written(tmp_path / "run.1.jsonl", HEADER, like(3, 5), like(4, 20))
    entries = list(read(tmp_path))
    assert [one.op for one in entries if one.phase != "header"] == [3, 1, 4, 2]
    header, again = header_of(entries)
    assert header == HEADER
    assert list(again) == entries


def test_what_was_said_within_a_moment_is_put_in_order(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", HEADER, like(1, 900), like(2, 100), like(3, 5_000))
    assert [one.op for one in read(path)][1:] == [2, 1, 3]


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", HEADER, like(1, 10), like(2, 20))
    path.write_bytes(path.read_bytes()[:-9])
    assert [one.op for one in read(path)][1:] == [1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not JSON\n", "run.jsonl, line 2: "),
        (b'{"phase":"ok","at_ms":1}\n', "run.jsonl, line 2: `op` and `kind`"),
        (b'{"phase":"invoked","at_ms":1,"op":1,"kind":"dance"}\n', "run.jsonl, line 2: "),
        (b'{"phase":"invoked","at_ms":1,"op":1,"kind":"like","typo":1}\n', "typo"),
        (b"\xff\xfe\n", "run.jsonl, line 2: "),
        (b"\n", "run.jsonl, line 2: "),
    ],
)
def test_any_other_bad_line_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = written(tmp_path / "run.jsonl", HEADER)
    path.write_bytes(path.read_bytes() + line + encode(like(1, 10)) + b"\n")
    with pytest.raises(InstastreamError, match=why):
        list(read(path))


def test_a_clock_that_went_back_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", HEADER, *(like(op, 2_000 * op) for op in (1, 2, 3, 1)))
    with pytest.raises(
        InstastreamError, match=r"run\.jsonl, line 5: the clock went back by 4\.0 s"
    ):
        list(read(path))


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstastreamError, match=r"there is no \*\.jsonl"):
        list(read(tmp_path))
    with pytest.raises(InstastreamError, match="line 1: it is no header"):
        list(read(written(tmp_path / "without.jsonl", like(1, 0))))
    with pytest.raises(InstastreamError, match="its version is 2"):
        list(read(written(tmp_path / "later.jsonl", replace(HEADER, version=2))))
    with pytest.raises(InstastreamError, match="the history is empty"):
        header_of(read(written(tmp_path / "empty.jsonl")))


def test_parquet_tells_the_same_but_for_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow.parquet import read_table

    monkeypatch.setattr("instastream.load.checks.parquet.ROW_GROUP_LENGTH", 10)
    history = [HEADER, *told().history[1:]]
    path = tmp_path / "run.parquet"
    assert to_parquet(history, path) == len(history) - 1
    table = read_table(path)
    rows = table.to_pylist()
    assert [(row["op"], row["phase"], row["at_ms"]) for row in rows] == [
        (one.op, one.phase, one.at_ms) for one in history[1:]
    ]
    shown = [row["seen"] for row in rows if row["seen"]]
    assert shown[0][0]["post"] == next(one.seen for one in history if one.seen)[0].post
    assert "password" not in table.schema.names
    assert b'"seed":7' in table.schema.metadata[b"instastream.header"]


def test_an_entry_has_no_room_for_what_is_not_said() -> None:
    entry = Entry(
        phase="ok", op=1, kind="read_post", at_ms=1.5, seen=[Seen("p", "a", 0, 0, True, None)]
    )
    line = b'{"phase":"ok","at_ms":1.5,"op":1,"kind":"read_post","seen":[["p","a",0,0,true,null]]}'
    assert encode(entry) == line
