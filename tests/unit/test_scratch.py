"""No killed job's files stay for ever, and no running job loses its own."""

import asyncio
import os
from errno import EACCES, ENOSPC
from pathlib import Path

import pytest

from instastream.errors import Unavailable
from instastream.scratch import PREFIX, UNLOCKED_S_MAX, scratch, sweep


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    os.utime(folder, (0, folder.stat().st_mtime - UNLOCKED_S_MAX - 1))
    return folder


def left_by_a_killed_job(temporary: Path) -> Path:
    folder = temporary / f"{PREFIX}killed"
    (folder / "hls").mkdir(parents=True)
    (folder / "original").write_bytes(b"much")
    return folder


async def test_a_folder_is_empty_and_goes_with_its_job() -> None:
    async with scratch() as folder:
        assert list(folder.iterdir()) == []
        (folder / "original").write_bytes(b"much")
    assert not folder.exists()


async def test_what_a_killed_job_left_is_swept_by_many_at_once(temporary: Path) -> None:
    left = aged(left_by_a_killed_job(temporary))
    await asyncio.gather(*(sweep(None) for _ in range(4)))
    assert not left.exists()


async def test_a_job_at_work_keeps_its_folder() -> None:
    async with scratch() as mine:
        aged(mine)
        await sweep(None)
        assert mine.exists()


async def test_a_folder_just_made_is_left_alone(temporary: Path) -> None:
    fresh = left_by_a_killed_job(temporary)
    await sweep(None)
    assert fresh.exists()


async def test_other_folders_are_left_alone(temporary: Path) -> None:
    other = temporary / "other"
    other.mkdir()
    aged(other)
    await sweep(None)
    assert other.exists()


@pytest.mark.parametrize(("number", "raised"), [(ENOSPC, Unavailable), (EACCES, PermissionError)])
async def test_a_full_disk_is_waited_out(number: int, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        async with scratch():
            raise OSError(number, "")
