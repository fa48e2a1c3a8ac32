"""Histories are read as they were written, whatever cut them short."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.json import encode
from msgspec.structs import replace

from instastream import schemas
from instastream.errors import InstastreamError, Unready
from instastream.load.checks.histories import Entry, Seen, header_of, read, writing
from instastream.load.checks.parquet import to_parquet
from instastream.load.jsonlines import Writer
from tests.unit.load.living import USERS, Deed, Life, deeds
from tests.unit.load.test_exactness import checked
from tests.unit.load.test_jsonlines import Full
from tests.unit.load.test_rules import told
from tests.unit.load.world import World

HEADER = Entry(
    phase="header", at_ms=0, version=2, scenario="smoke", seed=7, run="r", api="http://a"
)


def like(op: int, at_ms: float) -> Entry:
    return Entry(phase="invoked", op=op, kind="like", at_ms=at_ms, user="ada", post="p")


def footer(at_ms: float) -> Entry:
    return Entry(phase="footer", at_ms=at_ms)


def written(path: Path, *entries: Entry) -> Path:
    """A file that is whole."""
    latest_ms = max((entry.at_ms for entry in entries), default=0)
    return cut_short(path, *entries, footer(latest_ms))


def cut_short(path: Path, *entries: Entry) -> Path:
    """A file of this alone."""
    with Writer(path) as writer:
        for entry in entries:
            writer.write(entry)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    header, *history = told().history
    path = tmp_path / "run.0.jsonl"
    with writing(path, header, now_ms=lambda: history[-1].at_ms) as notes:
        for entry in history:
            notes.write(entry)
    assert list(read(path)) == [header, *history, footer(history[-1].at_ms)]


def test_every_line_fits_the_published_schema() -> None:
    validator = Draft202012Validator(schemas.history_schema())
    for entry in [HEADER, *told().history, footer(1.5)]:
        validator.validate(json.loads(encode(entry)))


def test_a_folder_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    written(tmp_path / "run.0.jsonl", HEADER, like(1, 10), like(2, 40))
    written(tmp_path / "run.1.jsonl", HEADER, like(3, 5), like(4, 20))
    entries = list(read(tmp_path))
    assert [one.op for one in entries if one.phase == "invoked"] == [3, 1, 4, 2]
    header, again = header_of(entries)
    assert header == HEADER
    assert list(again) == entries


def test_what_was_said_within_a_moment_is_put_in_order(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", HEADER, like(1, 900), like(2, 100), like(3, 5_000))
    assert [one.op for one in read(path)][1:-1] == [2, 1, 3]


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    path = cut_short(tmp_path / "run.jsonl", HEADER, like(1, 10), like(2, 20))
    path.write_bytes(path.read_bytes()[:-9])
    assert [one.op for one in read(path, cut_short=True)][1:] == [1]


@given(deeds, st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
async def test_a_history_that_was_cut_short_anywhere_is_not_judged_and_a_whole_one_is(
    given: list[Deed], data: st.DataObject
) -> None:
    world = World(USERS)
    history = Life(world).live(given)
    with TemporaryDirectory() as folder:
        path = written(Path(folder, "run.0.jsonl"), *history)
        written(Path(folder, "run.1.jsonl"), HEADER)
        assert await checked(read(Path(folder)), world) == []
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])  # but a line break
        with pytest.raises(InstastreamError, match=r"run\.0\.jsonl: its end is missing"):
            await checked(read(Path(folder)), world)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), asyncio.CancelledError()])
def test_a_history_is_whole_however_what_wrote_it_ended(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "run.0.jsonl"
    with (
        suppress(RuntimeError, asyncio.CancelledError),
        writing(path, HEADER, now_ms=lambda: 20.0) as notes,
    ):
        notes.write(like(1, 10))
        raise error
    assert list(read(path)) == [HEADER, like(1, 10), footer(20.0)]


def lacking(path: Path) -> None:
    """Writes a file on a disk that has no room for a moment, and then has again."""
    with writing(path, HEADER, now_ms=lambda: 20.0) as notes:
        notes.flush()
        notes._file, there = Full(0), notes._file
        notes.write(like(1, 10))
        with suppress(Unready):
            notes.flush()
        notes._file = there


def test_one_that_the_disk_had_no_room_for_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run.0.jsonl"
    with pytest.raises(Unready, match=r"the disk is full: .* and lacks what came then"):
        lacking(path)
    with pytest.raises(InstastreamError, match="its end is missing"):
        list(read(path))
    assert list(read(path, cut_short=True)) == [HEADER]


def test_one_that_was_written_before_there_were_ends_is_read_and_not_judged(
    tmp_path: Path,
) -> None:
    path = cut_short(tmp_path / "run.jsonl", replace(HEADER, version=1), like(1, 10))
    assert [one.op for one in read(path, cut_short=True)][1:] == [1]
    with pytest.raises(InstastreamError, match="its end is missing"):
        list(read(path))


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
    path = cut_short(tmp_path / "run.jsonl", HEADER)
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
    with pytest.raises(InstastreamError, match="its version is 3"):
        list(read(written(tmp_path / "later.jsonl", replace(HEADER, version=3))))
    with pytest.raises(InstastreamError, match="its end is missing"):
        header_of(read(cut_short(tmp_path / "empty.jsonl")))
    with pytest.raises(InstastreamError, match="the history is empty"):
        header_of([])


def test_parquet_tells_the_same_but_for_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow.parquet import read_table

    monkeypatch.setattr("instastream.load.checks.parquet.ROW_GROUP_LENGTH", 10)
    history = [HEADER, *told().history[1:]]
    path = tmp_path / "run.parquet"
    assert to_parquet([*history, footer(1e9)], path) == len(history) - 1
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
