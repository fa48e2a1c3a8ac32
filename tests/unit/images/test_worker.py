"""What a decoder can get at, and how much it may use, even when a photograph has taken it over."""

import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from instastream.images.pool import ENVIRONMENT, RenderPool
from tests.unit.images.test_pool import PHOTO, answer, failure, sabotaged

PRYING = (
    "-c",
    textwrap.dedent("""
        import os, socket
        from instastream.errors import Corrupt
        from instastream.images.worker import rehearsed, work

        def render(content):
            if content.startswith(b"try "):
                exec(content[4:])
                raise Corrupt("done", "it could")
            return photograph(content)

        photograph = rehearsed()
        work(render)
    """),
)


def open_files() -> dict[str, int]:
    """What each is called, and its size."""
    files = {}
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            files[f"{path.name} {path.readlink()}"] = path.stat().st_size
    return files


@pytest.mark.parametrize(
    "prying",
    [
        "open(f'/proc/{os.getppid()}/environ')",
        "open('/etc/hostname')",
        "open('new', 'w')",
        "socket.socket()",
        "os.fork()",
        "os.kill(os.getppid(), 9)",
        "os.execv('/bin/true', ['true'])",
        "os.setxattr(0, b'user.x', b'')",
    ],
)
async def test_a_decoder_taken_over_reaches_nothing(prying: str) -> None:
    async with RenderPool(size=1, worker=PRYING) as pool:
        assert await answer(pool, b"try pass") == "it could"
        with pytest.raises(RuntimeError, match="PermissionError"):
            await pool.render(f"try {prying}".encode())
        assert await pool.render(PHOTO)


async def test_a_job_that_burns_processor_time_is_ended_and_the_next_is_done() -> None:
    async with sabotaged(job_s_max=120) as pool:
        assert await failure(pool, b"burn 20") == "render-timeout"
        assert await pool.render(PHOTO)


async def test_every_job_has_processor_time_of_its_own() -> None:
    async with sabotaged() as pool:
        pids = {await answer(pool, b"burn 0.7") for _ in range(3)}
        assert len(pids) == 1


async def test_a_worker_sees_no_secret_and_dumps_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTASTREAM_TOKEN_KEY", "secret")
    async with sabotaged() as pool:
        seen = set((await answer(pool, b"environ")).split())
        assert seen - {"LC_CTYPE"} == set(ENVIRONMENT)  # Python sets LC_CTYPE itself
        assert await answer(pool, b"core") == "(0, 0)"


async def test_nothing_is_left_of_an_original_after_its_job() -> None:
    before = open_files()
    async with sabotaged() as pool:
        await answer(pool, b"pid")
        await pool.render(PHOTO)
        mine = open_files().keys() - before.keys()
        assert [open_files()[name] for name in mine if "memfd:original" in name] == [0]
    assert open_files().keys() == before.keys()
