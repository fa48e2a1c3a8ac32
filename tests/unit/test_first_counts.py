"""What an alert watches grow is told from a process's start: its first count is growth, too."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import local
from instastream.events import EVENTS
from instastream.findings import KINDS as FOUND
from instastream.handlers.ledger import LEDGER
from instastream.stores.counts import KINDS as COUNTED

API = """
import os
from instastream.api.app import create_app
from instastream.settings import Settings
create_app(Settings.from_env(os.environ))
"""
BEGINS = {name: f"import streams.{name}\n" for name in local.WORKERS} | {"api": API}
TELL = """
import sys
from prometheus_client import generate_latest
sys.stdout.write(generate_latest().decode())
"""
NOWHERE = {
    **dict.fromkeys(local.SERVERS, "127.0.0.1:9"),
    **{f"INSTASTREAM_{name}_KEY": "ab" * 32 for name in ("TOKEN", "MEDIA", "EDGE")},
}


@cache
def fresh(name: str) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that a process of its own tells once it has made its app."""
    run = subprocess.run(
        [sys.executable, "-c", BEGINS[name] + TELL],
        env={**os.environ, **NOWHERE},
        check=True,
        capture_output=True,
        text=True,
    )
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(run.stdout)
        for sample in family.samples
    }


def told(process: str, name: str, **labels: str) -> float | None:
    return fresh(process).get((name, frozenset(labels.items())))


@pytest.mark.parametrize("kind", FOUND)
def test_a_ledger_worker_has_swept_nothing_of_each_kind_at_first(kind: str) -> None:
    assert told("ledger", "instastream_swept_total", kind=kind) == 0


@pytest.mark.parametrize("kind", COUNTED)
def test_an_engagement_worker_has_recounted_nothing_of_each_kind_at_first(kind: str) -> None:
    assert told("engagement", "instastream_audited_shards_total", kind=kind) == 0
    assert told("engagement", "instastream_count_drift_total", kind=kind) == 0


@pytest.mark.parametrize(
    ("worker", "kind", "seconds"),
    [
        ("media", "photo", "instastream_render_seconds_count"),
        ("video", "video", "instastream_transcode_seconds_count"),
    ],
)
def test_a_worker_of_media_has_failed_at_nothing_at_first(
    worker: str, kind: str, seconds: str
) -> None:
    assert told(worker, "instastream_media_total", kind=kind, outcome="failed") == 0
    assert told(worker, "instastream_media_total", kind=kind, outcome="made") == 0
    assert told(worker, seconds, outcome="failed") == 0
    assert told(worker, seconds, outcome="done") == 0


@pytest.mark.parametrize("topic", sorted({event.topic for event in LEDGER}))
def test_a_worker_has_tried_nothing_again_of_each_of_its_topics_at_first(topic: str) -> None:
    labels = {"app": "ledger", "topic": topic}
    assert told("ledger", "instastream_retries_total", **labels) == 0


@pytest.mark.parametrize("topic", ["dead", "retry.5s", *sorted({one.topic for one in EVENTS})])
@pytest.mark.parametrize("process", ["ledger", "api"])
def test_no_append_has_failed_at_first(process: str, topic: str) -> None:
    assert told(process, "instastream_append_failures_total", topic=topic) == 0


def test_no_feed_was_read_without_its_list_at_first() -> None:
    assert told("api", "instastream_feed_reads_without_list_total", why="redis") == 0
