"""A line that was written is read, whatever cut the file short."""

import errno
import io
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.json import encode

from instastream.errors import Unready
from instastream.load import jsonlines
from instastream.load.jsonlines import Writer, read


class Said(Struct):
    """A line."""

    what: str


LINES = [Said("one"), Said("two"), Said("three")]


def written(path: Path, *lines: Said) -> Path:
    with Writer(path) as writer:
        for line in lines:
            writer.write(line)
    return path


def read_again(path: Path, *, first: int = 1) -> list[tuple[int, str]]:
    return [(number, line.what) for number, line in read(path, Said, first=first)]


@pytest.mark.parametrize("buffer_bytes", [1, 20, 1_000])
def test_lines_are_read_with_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffer_bytes: int
) -> None:
    monkeypatch.setattr(jsonlines, "BUFFER_BYTES", buffer_bytes)
    path = written(tmp_path / "a.jsonl", *LINES)
    assert read_again(path) == [(1, "one"), (2, "two"), (3, "three")]
    assert read_again(path, first=3) == [(3, "three")]


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *LINES)
    path.write_bytes(path.read_bytes()[:-9])
    assert read_again(path) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("line", [b"not JSON\n", b"{}\n", b"\xff\xfe\n", b"\n"])
def test_any_other_bad_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path / "a.jsonl", *LINES)
    path.write_bytes(path.read_bytes() + line + b"what comes then")
    with pytest.raises(Unready, match=r"a\.jsonl, line 4: "):
        read_again(path)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *LINES)
    with pytest.raises(Unready, match="is there already: choose another name"):
        Writer(path)
    assert len(read_again(path)) == 3


def test_a_file_that_can_not_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unready, match="can't be written: No such file"):
        Writer(tmp_path / "missing" / "a.jsonl")


class Full(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, content: Any) -> int:
        taken = bytes(content)[: self.room - self.tell()]
        if not taken:
            raise OSError(errno.ENOSPC, "no space left on device")
        return super().write(taken)


class Broken(io.BytesIO):
    """A file on a disk that breaks."""

    def write(self, content: Any) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_a_full_disk_is_said_and_what_is_there_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = Writer(path)
    writer._file.close()
    writer._file = full = Full(sum(len(encode(line)) + 1 for line in LINES[:2]) + 9)
    for line in LINES:
        writer.write(line)
    with pytest.raises(Unready, match=r"the disk is full: .*a\.jsonl ends at \d+ bytes, and lacks"):
        writer.flush()
    full.room = 1_000
    with pytest.raises(Unready, match="the disk is full"):
        writer.write(LINES[0])
    writer.flush()
    path.write_bytes(full.getvalue())
    assert read_again(path) == [(1, "one"), (2, "two")]


def test_after_any_line_that_could_not_be_written_none_is(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.jsonl")
    there = writer._file
    writer._file = Broken()
    writer.write(LINES[0])
    with pytest.raises(Unready, match=r"Input/output error: .*a\.jsonl ends at 0 bytes"):
        writer.flush()
    writer._file = there
    with pytest.raises(Unready, match="Input/output error"):
        writer.write(LINES[1])
    writer.close()
    assert read_again(tmp_path / "a.jsonl") == []


def test_a_disk_that_is_full_at_the_end_is_said(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.jsonl")
    writer._file.close()
    writer._file = full = Full(5)
    writer.write(LINES[0])
    with pytest.raises(Unready, match="the disk is full"):
        writer.close()
    assert full.closed
