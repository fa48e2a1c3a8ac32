"""From finalize to visible for a 12-megapixel photograph, stage by stage, on the whole system."""

import asyncio
from importlib.resources import files
from secrets import token_hex

from httpx2 import AsyncClient

from bench.command import command
from bench.report import Result, report
from bench.system import running
from infra import local
from instastream.client import TIMEOUT_S, Client
from instastream.demo import announced
from instastream.deps import now_ms
from instastream.log import KafkaLog
from instastream.settings import Settings
from instastream.terminal import Steps

POSTS = 30
POLL_S = 0.02
STAGES = ("acknowledged", "rendered", "ready", "visible")

Times = dict[str, int]  # stage: milliseconds after finalize was sent


def main() -> None:
    """Measure, print, write `bench/out/visible.json`."""
    command(__doc__).parse_args()
    with Steps() as steps:
        times = asyncio.run(_measure(steps))
    report("visible", [result for stage in STAGES for result in _results(stage, times)])


def _results(stage: str, times: list[Times]) -> list[Result]:
    ascending = sorted(one[stage] for one in times)
    name = f"finalize_to_{stage}"
    return [
        Result(name=f"{name}_p50_ms", value=ascending[len(ascending) // 2], unit="ms"),
        Result(name=f"{name}_p99_ms", value=ascending[len(ascending) * 99 // 100], unit="ms"),
    ]


async def _measure(steps: Steps) -> list[Times]:
    """One post after another, so that none waits for another."""
    async with running(steps) as (_, environ):
        api = environ[local.API]
        async with AsyncClient(base_url=api, timeout=TIMEOUT_S, trust_env=False) as http:
            posts = await _post_all(http, steps)
        settings = Settings.from_env(environ)
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            announced_ms = await announced(log)
    for post_id, times in posts.items():
        times["rendered"] = announced_ms[post_id] - times.pop("sent")
    return list(posts.values())


async def _post_all(http: AsyncClient, steps: Steps) -> dict[str, Times]:
    author, reader = [
        await Client.joined(http, f"{name}_{token_hex(4)}", token_hex(8))
        for name in ("author", "reader")
    ]
    await reader.follow(author.user_id)
    await reader.feed()
    posts: dict[str, Times] = {}
    for _ in range(POSTS):
        post_id, times = await _post(author, reader)
        posts[post_id] = times
        steps.report("posts", len(posts), POSTS)
    return posts


async def _post(author: Client, reader: Client) -> tuple[str, Times]:
    photo = files("instastream.photos").joinpath("dandelions.jpg").read_bytes()
    distinct = photo + token_hex(8).encode()  # bytes behind a JPEG's end change no pixel
    uploaded = await author.upload(distinct, "image/jpeg")
    sent_ms = now_ms()
    post_id = (await author.finalize(uploaded.media_id, caption=""))["id"]
    times = {"sent": sent_ms, "acknowledged": now_ms() - sent_ms}
    while (await author.post(post_id))["status"] == "processing":
        await asyncio.sleep(POLL_S)
    times["ready"] = now_ms() - sent_ms
    while post_id not in [post["id"] for post in (await reader.feed(limit=1))["posts"]]:
        await asyncio.sleep(POLL_S)
    times["visible"] = now_ms() - sent_ms
    return post_id, times


if __name__ == "__main__":
    main()
