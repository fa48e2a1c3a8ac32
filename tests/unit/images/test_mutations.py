"""Thousands of broken files go through the real pool: none of them costs it a worker."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from instastream.errors import Corrupt
from instastream.images.pool import WORKER, RenderPool
from tests.unit.images.mutations import mutations, png, tricks, whole

EACH, OF_CMYK = 145, 30  # 2,060 in all; a CMYK image takes 30 ms to convert, the others 5
WORKERS = 2
JOB_S_MAX = 5.0  # 20 ms on an idle machine; a job that is tried twice would take longer
EARLY_S_MAX = 0.1  # 1 ms on an idle machine
REASONS = {"damaged", "not-an-image", "too-many-pixels", "too-many-parts"}  # none of a worker's end
KINDS, TRICKS = whole(), tricks()


@pytest.fixture(scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RenderPool]:
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("workers"))
    async with RenderPool(size=WORKERS, jobs_max=len(KINDS) * 2 * EACH) as started:
        await asyncio.gather(*[started.render(KINDS["jpeg"]) for _ in range(2 * WORKERS)])
        yield started
        assert list(Path.cwd().iterdir()) == []
    os.chdir(here)


async def outcome(pool: RenderPool, content: bytes) -> str:
    begun = time.monotonic()
    try:
        await pool.render(content)
        return "rendered"
    except Corrupt as refusal:
        return refusal.reason
    finally:
        assert time.monotonic() - begun < JOB_S_MAX


async def outcomes(pool: RenderPool, contents: Iterator[bytes]) -> list[str]:
    """As many at once as there are workers, so that none of them waits."""

    async def some() -> list[str]:
        return [await outcome(pool, content) for content in contents]

    parts = await asyncio.gather(*(some() for _ in range(WORKERS)))
    return [one for part in parts for one in part]


def workers() -> Sequence[str]:
    """The pids of those alive: this process's children, without servers that other tests use."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if WORKER[-1] in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_broken_file_renders_or_is_refused_and_no_worker_dies(
    pool: RenderPool, kind: str
) -> None:
    assert await outcome(pool, KINDS[kind]) == "rendered"
    before = workers()
    count = OF_CMYK if kind == "cmyk jpeg" else EACH
    ended = await outcomes(pool, mutations(KINDS[kind], count, seed=kind))
    assert len(ended) == count
    assert set(ended) <= REASONS | {"rendered"}
    assert "damaged" in ended
    assert workers() == before


@pytest.mark.parametrize("name", TRICKS)
async def test_a_known_trick_is_in_vain(pool: RenderPool, name: str) -> None:
    content, expected = TRICKS[name]
    before = workers()
    assert await outcome(pool, content) in expected
    assert workers() == before


async def test_what_one_file_makes_a_decoder_say_spoils_no_other_s_refusal(
    pool: RenderPool,
) -> None:
    for _ in range(2 * WORKERS):
        await outcome(pool, TRICKS["avif with what is no text"][0])
        assert await outcome(pool, KINDS["avif with alpha"][:-20]) == "damaged"


async def test_what_hides_behind_a_picture_is_not_served(pool: RenderPool) -> None:
    rendering = await pool.render(TRICKS["jpeg, then html"][0])
    assert not any(b"script" in variant.content for variant in rendering.variants)


@pytest.mark.parametrize(
    "content",
    [b"", b"a text" * 100_000, png(30_000, 30_000), TRICKS["gif of a huge frame"][0]],
    ids=["nothing", "a text", "a bomb of a png", "a bomb of a gif"],
)
async def test_what_its_first_bytes_betray_is_refused_at_once(
    pool: RenderPool, content: bytes
) -> None:
    took_s = []
    for _ in range(5):
        begun = time.perf_counter()
        assert await outcome(pool, content) in {"not-an-image", "too-many-pixels"}
        took_s.append(time.perf_counter() - begun)
    assert min(took_s) < EARLY_S_MAX


def test_the_workers_are_confined(pool: RenderPool) -> None:
    for pid in workers():
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status
