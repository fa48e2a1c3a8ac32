"""An operator sees every stage: in metrics, in lag, and one request through the logs of all."""

import asyncio
import json
import re
from secrets import token_hex
from typing import Any

from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from infra import local
from instastream.lag import READ
from tests.cluster.conftest import System, eventually, photo, post
from tests.cluster.test_cli import run

# What a post, a like and a follow leave in each stage, by the process that tells it.
STAGES: list[tuple[str, str, dict[str, str]]] = [
    ("api", "http_request_seconds_count", {"route": "/v1/posts", "method": "POST"}),
    ("api", "append_seconds_count", {"topic": "uploads"}),
    ("api", "cache_hits_total", {"cache": "posts"}),
    ("api", "cache_misses_total", {"cache": "posts"}),
    ("api", "cache_bytes", {"cache": "posts"}),
    ("api", "feed_rebuild_seconds_count", {"outcome": "made"}),
    ("media", "render_seconds_count", {"outcome": "done"}),
    ("media", "media_total", {"kind": "photo", "outcome": "made"}),
    ("media", "append_seconds_count", {"topic": "media"}),
    ("posts", "event_seconds_count", {"type": "media.ready.v1"}),
    ("feeds", "event_seconds_count", {"type": "media.ready.v1"}),
    ("feeds", "pushes_total", {"kind": "post"}),
    ("graph", "event_seconds_count", {"type": "user.followed.v1"}),
    ("ledger", "event_seconds_count", {"type": "media.ready.v1"}),
    ("engagement", "event_seconds_count", {"type": "post.liked.v1"}),
    ("engagement", "batch_events_count", {"app": "engagement"}),
    *((app, "ready", {"app": app}) for app in local.WORKERS),
]
OURS = r"instastream_\w+(?<!_bucket)(?<!_created)[{ ]"
Told = dict[tuple[str, str], list[tuple[dict[str, str], float]]]  # by process and metric


async def scrape(system: System) -> Told:
    """What Prometheus would read of every process of ours; of histograms no buckets."""
    urls = {row.name: row.url for row in system.stack.status()}
    names = ("api", *local.WORKERS)
    async with AsyncClient(trust_env=False) as http:
        texts = await asyncio.gather(*(http.get(f"{urls[name]}/metrics") for name in names))
    told: Told = {}
    for name, answer in zip(names, texts, strict=True):
        lines = [line for line in answer.text.splitlines() if re.match(OURS, line)]
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for one in family.samples:
                told.setdefault((name, one.name), []).append((one.labels, one.value))
    return told


def value(told: Told, process: str, metric: str, labels: dict[str, str]) -> float | None:
    """The sum of a metric's series that have these labels; None where there is none."""
    series = told.get((process, f"instastream_{metric}"), [])
    values = [number for has, number in series if labels.items() <= has.items()]
    return sum(values) if values else None


async def test_every_stage_of_a_post_is_measured(system: System) -> None:
    ada, bob = await system.join("ada"), await system.join("bob")
    await bob.follow(ada.user_id)
    posted = await post(ada, photo())

    async def visible() -> bool:
        return [one["id"] for one in (await bob.feed())["posts"]] == [posted["id"]]

    await eventually(visible, "the post is in the feed")
    await bob.call("PUT", f"/v1/posts/{posted['id']}/like")
    told: Told = {}

    async def measured() -> bool:
        nonlocal told
        told = await scrape(system)
        return not missing()

    def missing() -> list[Any]:
        stages = [stage for stage in STAGES if not value(told, *stage)]
        lags = [
            (app, of, topic)
            for app in local.WORKERS
            for topic in READ[app]
            for of in ("lag_events", "lag_seconds")
            if value(told, app, of, {"topic": topic}) != 0
        ]
        return [*stages, *lags]

    async def tell() -> str:
        return f"not told, or behind: {missing()}"

    await eventually(measured, "every stage is measured and caught up", tell)
    in_flight = {value(told, app, "in_flight_events", {}) for app in local.WORKERS}
    assert in_flight == {0}
    done = run("lag", "--json", **system.environ)
    assert {one["app"] for one in json.loads(done.stdout)} == set(READ), done.stderr
    assert "worker" in run("lag", "--partitions", **system.environ).stdout


async def test_one_request_is_found_in_the_logs_of_all_that_worked_for_it(system: System) -> None:
    ada, trace = await system.join("ada"), token_hex(16)
    uploaded = await ada.upload(photo(), "image/jpeg")
    ada.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    posted = await ada.finalize(uploaded.media_id, caption="")
    found: dict[str, list[dict[str, Any]]] = {}

    async def logged() -> bool:
        for name in ("api", *local.WORKERS):
            lines = await asyncio.to_thread(system.log, name)
            found[name] = [json.loads(line) for line in lines.splitlines() if trace in line]
        return all(found[name] for name in ("api", "media", "posts", "feeds", "ledger"))

    async def tell() -> str:
        return f"logged by {sorted(name for name, lines in found.items() if lines)}"

    await eventually(logged, "all that worked for it said so", tell)
    [request] = found["api"]
    assert (request["route"], request["status"]) == ("/v1/posts", 202)
    assert {line["message"] for line in found["media"]} == {"handled upload.finalized.v1"}
    [rendered] = found["media"]
    assert rendered["parent_id"] == request["span_id"], "what the request itself led to"
    assert {line["app"] for line in found["feeds"]} == {"feeds"}
    assert (await ada.post(posted["id"]))["id"] == posted["id"]


async def test_every_line_that_a_process_logs_is_one_of_json_and_shows_no_key(
    system: System,
) -> None:
    keys = [value for name, value in system.environ.items() if name.endswith("_KEY")]
    for name in ("api", *local.WORKERS):
        text = system.log(name)
        assert not [key for key in keys if key in text]
        lines = [line for line in text.splitlines() if name != "media" or line.startswith("{")]
        for line in lines:  # decoders, which are processes of `media`, have words of their own
            assert {"level", "logger", "message", "app", "at"} <= json.loads(line).keys(), line
        assert lines
