"""A recording on disk says exactly what was recorded, or what is wrong with it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unready
from instastream.load.into_topics.tapes import VERSION, Header, Reader, Taped
from instastream.load.jsonlines import Writer
from instastream.ranges import Span

HEADER = Header(
    version=VERSION,
    recorded_ms=1,
    spans=[Span(topic="posts", partition=n, begin=5, end=8) for n in range(2)],
)
ONE = Taped(topic="posts", partition=0, offset=5, at_ms=9, key=b"k", value=b"v")
records = st.builds(
    Taped,
    topic=st.sampled_from(["posts", "media"]),
    partition=st.integers(0, 11),
    offset=st.integers(0, 2**62),
    at_ms=st.integers(0, 2**41),
    key=st.none() | st.binary(),
    value=st.none() | st.binary(),
    headers=st.lists(st.tuples(st.text(), st.binary())),
)


def write(path: Path, *some: Taped) -> None:
    """A new recording."""
    with Writer(path) as writer:
        writer.write(HEADER)
        for one in some:
            writer.write(one)


@given(st.lists(records))
def test_any_record_is_read_as_it_was_written_and_as_often_as_one_likes(some: list[Taped]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tape.jsonl")
        write(path, *some)
        reader = Reader(path)
        assert (reader.header, list(reader), list(reader)) == (HEADER, some, some)


def test_a_header_says_how_much_there_was_to_record() -> None:
    assert (HEADER.topics, HEADER.offsets) == (["posts"], 6)


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    write(path, ONE, ONE)
    path.write_bytes(path.read_bytes()[:-9])
    assert list(Reader(path)) == [ONE]


@pytest.mark.parametrize("line", [b"{}\n", b"no json\n", b"\xff\n", b"\n"])
def test_any_other_bad_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "tape.jsonl"
    write(path, ONE)
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(Unready, match=r"tape.jsonl, line 3: "):
        list(Reader(path))


@pytest.mark.parametrize(
    ("begins", "sentence"),
    [
        (b"", "no recording begins so"),
        (b"\x89PNG", "no recording begins so"),
        (b'{"phase":"header","version":1}\n', "no recording begins so"),
        (b'{"kind":"recording","version":2,"recorded_ms":1,"spans":[]}\n', "version 2 is not one"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, begins: bytes, sentence: str) -> None:
    path = tmp_path / "tape.jsonl"
    path.write_bytes(begins)
    with pytest.raises(Unready, match=f"tape.jsonl, line 1: {sentence}"):
        Reader(path)
