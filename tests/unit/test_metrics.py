"""What a scrape says of a worker is what is true at that moment."""

from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, Histogram

from instastream import metrics
from instastream.errors import Corrupt
from instastream.metrics import WorkerMetrics, timed_outcome
from instastream.progress import Behind


def scraped(behind: Mapping[str, Behind], in_flight: int = 0) -> CollectorRegistry:
    registry = CollectorRegistry()
    worker = WorkerMetrics("feeds", registry)
    worker.watch(in_flight=lambda: in_flight, behind=lambda: behind)
    return registry


def lag(registry: CollectorRegistry, of: str, topic: str) -> float | None:
    labels = {"app": "feeds", "topic": topic}
    return registry.get_sample_value(f"instastream_lag_{of}", labels)


def test_an_event_that_waits_gets_older_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = scraped({"media": Behind(3, oldest_ms=1_000)})
    assert lag(registry, "events", "media") == 3
    for now_s in (91.0, 92.5):
        monkeypatch.setattr(metrics, "time", SimpleNamespace(time=lambda now_s=now_s: now_s))
        assert lag(registry, "seconds", "media") == now_s - 1


@pytest.mark.parametrize("oldest_ms", [None, 1 << 50])
def test_what_is_caught_up_or_of_a_clock_ahead_is_not_behind(oldest_ms: int | None) -> None:
    assert lag(scraped({"media": Behind(0, oldest_ms)}), "seconds", "media") == 0


def test_a_worker_says_nothing_of_what_it_does_not_read() -> None:
    registry = scraped({}, in_flight=2)
    assert lag(registry, "events", "media") is None
    assert registry.get_sample_value("instastream_in_flight_events", {"app": "feeds"}) == 2


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "done"), (Corrupt("damaged", "is"), "refused"), (RuntimeError("a bug"), "failed")],
)
def test_work_is_timed_by_how_it_ended(error: Exception | None, outcome: str) -> None:
    registry = CollectorRegistry()
    seconds = Histogram("seconds", "", ["outcome"], registry=registry)
    with suppress(Corrupt, RuntimeError), timed_outcome(seconds, refused=Corrupt):
        if error:
            raise error
    assert registry.get_sample_value("seconds_count", {"outcome": outcome}) == 1
