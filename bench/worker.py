"""CPU of the `media` worker, from an original in the store to its event, against bare rendering.

The worker is the real one, in the whole system, with its decoding processes; the bare pipeline
renders the same photographs in one process. A photograph that was posted before is measured too.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from secrets import token_hex

from httpx2 import AsyncClient

from bench.command import command
from bench.processes import cpu_s
from bench.report import Result, report
from bench.system import running
from infra import local
from infra.native.stack import Stack
from instastream.client import TIMEOUT_S, Client
from instastream.terminal import Steps

PHOTOS = 40
ORIGINAL = files("instastream.photos").joinpath("dandelions.jpg").read_bytes()
BARE = """
import sys, time
from pathlib import Path
from instastream.images.variants import render
paths = [Path(name) for name in sys.argv[1:]]
render(paths[0].read_bytes())
begun = time.process_time()
for path in paths: render(path.read_bytes())
print(time.process_time() - begun)
"""


def main() -> None:
    """Measure, print, write `bench/out/worker.json`."""
    command(__doc__).parse_args()
    photos = [ORIGINAL + token_hex(8).encode() for _ in range(PHOTOS)]  # as many digests
    with Steps() as steps:
        worker_s, again_s = asyncio.run(_measure(photos, steps))
        bare_s = _bare_s(photos, local.home_of(os.environ))
    report(
        "worker",
        [
            Result(
                name="worker_vs_pipeline",
                value=1_000 * worker_s / PHOTOS,
                unit="CPU ms a photograph",
                ratio=bare_s / worker_s,
                against="variants.render",
            ),
            Result(
                name="dedup_hit",
                value=1_000 * again_s / PHOTOS,
                unit="CPU ms a photograph",
                ratio=worker_s / again_s,
                against="the first time",
            ),
        ],
    )


async def _measure(photos: list[bytes], steps: Steps) -> tuple[float, float]:
    """Seconds for photographs that nobody posted before, and for the same ones again."""
    async with running(steps) as (stack, environ):
        api = environ[local.API]
        async with AsyncClient(base_url=api, timeout=TIMEOUT_S, trust_env=False) as http:
            author = await Client.joined(http, f"author_{token_hex(4)}", token_hex(8))
            await _post_all(author, [ORIGINAL + token_hex(8).encode() for _ in range(4)], steps)
            first_s = await _worker_s(stack, author, photos, steps)
            return first_s, await _worker_s(stack, author, photos, steps)


async def _worker_s(stack: Stack, author: Client, photos: list[bytes], steps: Steps) -> float:
    pid = next(row.pid for row in stack.status() if row.name == "media")
    assert pid
    before_s = sum(map(cpu_s, _tree(pid)))
    await _post_all(author, photos, steps)
    return sum(map(cpu_s, _tree(pid))) - before_s


async def _post_all(author: Client, photos: list[bytes], steps: Steps) -> None:
    for done, photo in enumerate(photos):
        uploaded = await author.upload(photo, "image/jpeg")
        post_id = (await author.finalize(uploaded.media_id, caption=""))["id"]
        while (await author.post(post_id))["status"] == "processing":
            await asyncio.sleep(0.02)
        steps.report("posts", done + 1, len(photos))


def _tree(pid: int) -> Iterator[int]:
    """A process, and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _bare_s(photos: list[bytes], home: Path) -> float:
    folder = home / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.jpg" for number in range(len(photos))]
    for path, photo in zip(paths, photos, strict=True):
        path.write_bytes(photo)
    try:
        argv = [sys.executable, "-c", BARE, *map(str, paths)]
        return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    finally:
        for path in paths:
            path.unlink()


if __name__ == "__main__":
    main()
