"""A report is a file that can be read again, and nothing else is taken for one."""

from pathlib import Path

import msgspec
import pytest

from instastream.errors import Unready
from instastream.load.reporting.reports import VERSION, read, write
from tests.unit.load.runs import hostile_report, measured_minute, report_of


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    for report in (report_of(measured_minute(), violations=None), hostile_report()):
        write(report, tmp_path / "report.json")
        assert read(tmp_path / "report.json") == report


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1, 2]", b'{"scenario": "x', b"\xff\xfe", b'{"scenario": 7}']
)
def test_another_file_is_no_report(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(Unready, match=r"other\.json is not a report"):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unready, match=r"gone\.json: No such file"):
        read(tmp_path / "gone.json")


def test_a_report_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write(msgspec.structs.replace(report_of(measured_minute()), version=VERSION + 1), path)
    with pytest.raises(Unready, match="newer"):
        read(path)
