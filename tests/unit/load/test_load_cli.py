"""What the commands of `load` refuse, and how they tell how far they came."""

import asyncio
from pathlib import Path

import pytest
from pyarrow.parquet import read_table

from instastream.errors import InstastreamError, Unready
from instastream.load.checks.histories import Entry
from instastream.load.into_topics.pouring import Poured
from instastream.load.jsonlines import Writer
from instastream.load_cli import topics
from instastream.load_cli.results import check, parquet
from instastream.ranges import parse_range
from instastream.terminal import Steps


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    out = tmp_path / "history.parquet"
    out.write_text("mine")
    with pytest.raises(Unready, match="is there already: choose another name"):
        parquet(tmp_path, out)
    assert out.read_text() == "mine"


def test_a_history_that_was_cut_short_is_exported_and_not_checked(tmp_path: Path) -> None:
    header = Entry(phase="header", at_ms=0, version=2, api="http://127.0.0.1:9")
    with Writer(tmp_path / "load.0.jsonl") as notes:
        notes.write(header)
        notes.write(Entry(phase="invoked", op=1, kind="read_feed", at_ms=1, user="ada"))
    parquet(tmp_path, tmp_path / "history.parquet")
    assert len(read_table(tmp_path / "history.parquet").to_pylist()) == 1
    with pytest.raises(InstastreamError, match=r"load\.0\.jsonl: its end is missing"):
        check(tmp_path)


def test_a_range_that_ends_before_it_begins_is_none() -> None:
    assert parse_range("posts/3:20-20").end == 20
    with pytest.raises(Unready, match="ends before it begins"):
        parse_range("posts/3:20-19")


def test_what_is_stopped_says_how_many_events_are_acknowledged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def pour() -> None:
        with Steps() as steps, topics._reporting(steps, 0) as report:
            report(Poured(count=1_234))
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        pour()
    assert "1,234 events are acknowledged" in capsys.readouterr().err
