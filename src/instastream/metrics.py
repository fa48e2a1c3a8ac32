"""What workers count and time, for Prometheus."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
)

from instastream.events import Event, type_of

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
AUDITED = Counter("instastream_audited_shards", "Shards of counters recounted.", ["kind"])
DRIFT = Counter("instastream_count_drift", "Times a counter was found to be wrong.", ["kind"])


class WorkerMetrics:
    """The metrics of one stream app, in a registry that has no other: the process's own."""

    def __init__(self, app: str, registry: CollectorRegistry = REGISTRY) -> None:
        ready = "Whether this worker has its partitions."
        waits = "Times an event waited for a store to come back."
        held = "What waits now for a store to come back."
        retries = "Times an event, by its topic, was to be tried again after its handler failed."
        dead = "Records sent to the dead-letter topic."
        seconds = "Time to handle an event, or the batch that it is in."
        batch = "Events that were handled together."
        by_app, by_topic, by_type = ["app"], ["app", "topic"], ["app", "type"]
        self.ready = Gauge("instastream_ready", ready, by_app, registry=registry).labels(app)
        self.ready.set(0)
        self.waits = Counter("instastream_waits", waits, by_app, registry=registry).labels(app)
        self.held = Gauge("instastream_held", held, by_app, registry=registry).labels(app)
        self._retries = Counter("instastream_retries", retries, by_topic, registry=registry)
        self.dead = Counter("instastream_dead_letters", dead, by_app, registry=registry).labels(app)
        self._seconds = Histogram("instastream_event_seconds", seconds, by_type, registry=registry)
        self._batch_events = Histogram(
            "instastream_batch_events", batch, by_app, registry=registry, buckets=BATCH_BUCKETS
        )
        self._app = app

    def retries(self, topic: str) -> Counter:
        """Those of a topic's events."""
        return self._retries.labels(self._app, topic)

    @contextmanager
    def timed(self, event: Event) -> Iterator[None]:
        """Counts and times an event that is handled in its body."""
        started = perf_counter()
        try:
            yield
        finally:
            self._observe(event, perf_counter() - started)

    @contextmanager
    def timed_batch(self, events: Sequence[Event]) -> Iterator[None]:
        """Counts events that are handled together in its body; times each type of them once."""
        started = perf_counter()
        yield
        self._batch_events.labels(self._app).observe(len(events))
        for one in {type(event): event for event in events}.values():
            self._observe(one, perf_counter() - started)

    def _observe(self, event: Event, seconds: float) -> None:
        self._seconds.labels(self._app, type_of(type(event))).observe(seconds)


def serve_metrics(environ: Mapping[str, str]) -> None:
    """Serve them on `INSTASTREAM_METRICS_PORT` of this machine, where it is set."""
    if port := environ.get("INSTASTREAM_METRICS_PORT"):
        start_http_server(int(port), addr="127.0.0.1")
