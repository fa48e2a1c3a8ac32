"""Whatever a photograph does to its decoder, every other photograph is rendered."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import uvloop

from instastream.errors import Corrupt, Unavailable
from instastream.images import variants
from instastream.images.pool import RenderPool
from instastream.limits import IMAGE_BYTES_MAX
from instastream.media import Rendering

PHOTO = (files("instastream.photos") / "cup.png").read_bytes()
SABOTAGED = (
    "-c",
    textwrap.dedent("""
        import os, resource, signal, time
        from pathlib import Path
        from instastream.images import variants
        from instastream.errors import Corrupt
        from instastream.images.worker import LIMITS, work

        def render(content):
            match content.split():
                case [b"exit"]: os._exit(3)
                case [b"segfault"]: os.kill(os.getpid(), signal.SIGSEGV)
                case [b"raise"]: raise RuntimeError("a bug")
                case [b"grow"]: bytearray(8 << 30)
                case [b"hang", *who]:
                    if who: open(who[0], "w").write(str(os.getpid()))
                    while True: time.sleep(1)
                case [b"once", tried]:
                    if not os.path.exists(tried):
                        open(tried, "w").write(str(os.getpid()))
                        while True: time.sleep(1)
                    return variants.render(Path({photo!r}).read_bytes())
                case [b"burn", seconds]:
                    end = time.process_time() + float(seconds)
                    while time.process_time() < end: pass
                    raise Corrupt("pid", str(os.getpid()))
                case [b"print"]: print("not a reply"); os.write(1, b"nor this")
                case [b"pid"]: time.sleep(0.05); raise Corrupt("pid", str(os.getpid()))
                case [b"environ"]: raise Corrupt("environ", " ".join(os.environ))
                case [b"core"]: raise Corrupt("core", str(resource.getrlimit(resource.RLIMIT_CORE)))
            return variants.render(content)

        work(render, limits=LIMITS._replace(opens=True, file_bytes=100), job_cpu_s_max=1)
    """).replace("{photo!r}", repr(str(files("instastream.photos") / "cup.png"))),
)
FLOODING = ("-c", "import os\nos.write(1, b'\\n')\nwhile True: os.write(1, b'\\xff' * 65536)")


@pytest.fixture(scope="module")
def expected() -> Rendering:
    return variants.render(PHOTO)


def sabotaged(size: int = 1, job_s_max: float = 30, jobs_max: int = 1_000) -> RenderPool:
    return RenderPool(size=size, job_s_max=job_s_max, jobs_max=jobs_max, worker=SABOTAGED)


async def answer(pool: RenderPool, question: bytes) -> str:
    with pytest.raises(Corrupt) as said:
        await pool.render(question)
    return str(said.value)


async def failure(pool: RenderPool, content: bytes) -> str:
    with pytest.raises(Corrupt) as refusal:
        await pool.render(content)
    return refusal.value.reason


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended, even if nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_a_photograph_is_rendered_as_it_would_be_here(expected: Rendering) -> None:
    async with RenderPool(size=1) as pool:
        assert await pool.render(PHOTO) == expected


async def test_the_reason_for_a_refusal_comes_back() -> None:
    async with RenderPool(size=1) as pool:
        assert await failure(pool, b"a text") == "not-an-image"
        assert await failure(pool, b"") == "not-an-image"
        assert await failure(pool, PHOTO[:5_000]) == "damaged"


async def test_a_bug_is_not_the_photographs_fault(expected: Rendering) -> None:
    async with sabotaged() as pool:
        with pytest.raises(RuntimeError, match="a bug"):
            await pool.render(b"raise")
        assert await pool.render(PHOTO) == expected


async def test_a_process_killed_in_the_middle_of_a_job_costs_no_job(
    tmp_path: Path, expected: Rendering
) -> None:
    """The kernel kills for another's memory; the second attempt finds the photograph whole."""
    async with sabotaged() as pool:
        job = asyncio.create_task(pool.render(b"once %s" % bytes(tmp_path / "tried")))
        await until((tmp_path / "tried").exists)
        os.kill(int((tmp_path / "tried").read_text()), signal.SIGKILL)
        assert await job == expected


@pytest.mark.parametrize("crash", [b"exit", b"segfault", b"grow"])
async def test_a_crash_fails_its_own_job_only(crash: bytes, expected: Rendering) -> None:
    async with sabotaged(size=2) as pool:
        jobs = [pool.render(content) for content in (PHOTO, crash, PHOTO, crash, crash, PHOTO)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        for at in (0, 2, 5):
            assert results[at] == expected
        for at in (1, 3, 4):
            crashed = results[at]
            assert isinstance(crashed, Corrupt)
            assert crashed.reason == "render-crashed"


async def test_a_job_that_hangs_is_given_up_and_the_next_is_done(expected: Rendering) -> None:
    async with sabotaged(job_s_max=4) as pool:
        begun = time.monotonic()
        assert await failure(pool, b"hang") == "render-timeout"
        assert 7.5 < time.monotonic() - begun < 60
        assert await pool.render(PHOTO) == expected


async def test_a_process_is_replaced_after_so_many_jobs(expected: Rendering) -> None:
    async with sabotaged(jobs_max=2) as pool:
        first, second, third = [await answer(pool, b"pid") for _ in range(3)]
        assert first == second != third
        assert gone(int(first))
        assert await pool.render(PHOTO) == expected


async def test_too_many_bytes_are_refused_before_any_process_sees_them() -> None:
    async with RenderPool(size=1, worker=("-c", "raise SystemExit('too early')")) as pool:
        assert await failure(pool, bytes(IMAGE_BYTES_MAX + 1)) == "too-many-bytes"
        with pytest.raises(Unavailable):
            await pool.render(bytes(IMAGE_BYTES_MAX))


async def test_what_a_library_prints_is_no_reply(expected: Rendering) -> None:
    async with sabotaged() as pool:
        assert await failure(pool, b"print") == "not-an-image"
        assert await pool.render(PHOTO) == expected


async def test_a_worker_that_answers_endlessly_is_ended() -> None:
    async with RenderPool(size=1, worker=FLOODING) as pool:
        assert await failure(pool, b"anything") == "render-crashed"


async def test_no_more_processes_than_asked_for_and_all_are_reused() -> None:
    async with sabotaged(size=2) as pool:
        pids = await asyncio.gather(*[answer(pool, b"pid") for _ in range(8)])
        assert len(set(pids)) == 2


async def test_no_process_starts_before_there_is_a_job() -> None:
    async with RenderPool(size=1, worker=("-c", "raise SystemExit('too early')")):
        pass


async def test_a_worker_killed_while_idle_costs_no_job(expected: Rendering) -> None:
    async with sabotaged() as pool:
        pid = int(await answer(pool, b"pid"))
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{pid}").exists())
        await asyncio.sleep(0.1)  # the loop hears of it
        assert await pool.render(PHOTO) == expected


async def test_signals_meant_for_the_pool_do_not_stop_its_workers() -> None:
    async with sabotaged() as pool:
        pid = int(await answer(pool, b"pid"))
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        assert int(await answer(pool, b"pid")) == pid


async def test_a_cancelled_job_leaves_no_answer_to_the_next() -> None:
    async with sabotaged() as pool:
        await answer(pool, b"pid")
        job = asyncio.create_task(pool.render(PHOTO))
        await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert (await answer(pool, b"pid")).isdecimal()


async def test_a_worker_that_cannot_start_is_no_photograph_s_fault() -> None:
    async with RenderPool(size=1, worker=("-c", "raise SystemExit(1)")) as pool:
        with pytest.raises(Unavailable):
            await pool.render(PHOTO)


async def test_closing_fails_jobs_as_unavailable_and_leaves_no_process(tmp_path: Path) -> None:
    pool = sabotaged(size=2)
    idle = int(await answer(pool, b"pid"))
    started = tmp_path / "pid"
    under_way = asyncio.create_task(pool.render(b"hang " + bytes(started)))
    await until(lambda: started.exists() and started.read_text() != "")
    hanging = int(started.read_text())
    await pool.aclose()
    await pool.aclose()
    for job in (under_way, pool.render(PHOTO)):
        with pytest.raises(Unavailable):
            await job
    assert gone(idle)
    assert gone(hanging)


def test_kill_9_of_the_pool_s_process_leaves_no_orphan(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    host = textwrap.dedent(f"""
        import asyncio, sys
        from instastream.errors import Corrupt
        from instastream.images.pool import RenderPool

        async def main():
            pool = RenderPool(size=2, worker={SABOTAGED!r})
            asyncio.create_task(pool.render({b"hang " + bytes(started)!r}))
            try: await pool.render(b"pid")
            except Corrupt as said: print(said, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
    """)
    command = [sys.executable, "-c", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        idle = int(parent.stdout.readline())
        asyncio.run(until(lambda: started.exists() and started.read_text() != ""))
        hanging = int(started.read_text())
        assert not gone(idle)
        assert not gone(hanging)
        parent.kill()
    asyncio.run(until(lambda: gone(idle) and gone(hanging)))


def test_a_pool_works_on_uvloop_too(expected: Rendering) -> None:
    async def render() -> Rendering:
        async with RenderPool(size=1) as pool:
            return await pool.render(PHOTO)

    assert uvloop.run(render()) == expected


def test_the_pool_s_own_process_never_loads_libvips() -> None:
    host = "import sys, instastream.images.pool; sys.exit('pyvips' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", host], check=False).returncode == 0
