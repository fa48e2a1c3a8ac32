"""What is counted and timed, for Prometheus: by workers, and by whatever both they and the API do.

What an operator does about them is in docs/operating.md, and alerts on them in infra/prometheus.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from time import perf_counter

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from instastream.events import EVENTS, Event, type_of
from instastream.findings import Finding
from instastream.progress import Behind
from instastream.retries import DEAD, RETRY_DELAYS_S

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
RENDER_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)  # the last is the longest a job takes
TRANSCODE_BUCKETS_S = (1, 2, 5, 10, 30, 60, 300, 900, 3_600, 7_200)
OUTCOMES = ("done", "refused", "failed")  # of what is timed by how it ended
MEDIA_OUTCOMES = ("made", "shared", "failed")
TOPICS = {DEAD, *RETRY_DELAYS_S, *(event.topic for event in EVENTS)}
LISTLESS_WHY = ("redis", "pace", "rebuilding")

AUDITED = Counter("instastream_audited_shards", "Shards of counters recounted.", ["kind"])
DRIFT = Counter("instastream_count_drift", "Times a counter was found to be wrong.", ["kind"])
APPEND_SECONDS = Histogram(
    "instastream_append_seconds", "Time until Kafka has acknowledged a record.", ["topic"]
)
APPEND_FAILURES = Counter(
    "instastream_append_failures", "Appends that Kafka did not acknowledge.", ["topic"]
)
MEDIA = Counter(
    "instastream_media", "Uploads that were rendered, shared with identical ones, or failed.",
    ["kind", "outcome"],
)  # fmt: skip
RENDER_SECONDS = Histogram(
    "instastream_render_seconds", "Time of a photograph in its render process.", ["outcome"],
    buckets=RENDER_BUCKETS_S,
)  # fmt: skip
TRANSCODE_SECONDS = Histogram(
    "instastream_transcode_seconds", "Time to transcode a video.", ["outcome"],
    buckets=TRANSCODE_BUCKETS_S,
)  # fmt: skip
PUSHES = Counter("instastream_pushes", "Ids pushed to readers, most of whom have lists.", ["kind"])
REBUILD_SECONDS = Histogram(
    "instastream_feed_rebuild_seconds", "Time to make a list that was not there.", ["outcome"]
)
SWEPT = Counter(
    "instastream_swept", "What sweeps removed, announced again, or only tell of.", ["kind"]
)
SWEPT_BYTES = Counter("instastream_swept_bytes", "Bytes that sweeps removed.", ["kind"])
LISTLESS_READS = Counter(
    "instastream_feed_reads_without_list", "Feeds read from timelines alone.", ["why"]
)


class WorkerMetrics:
    """The metrics of one stream app, in a registry that has no other: the process's own."""

    def __init__(self, app: str, registry: CollectorRegistry = REGISTRY) -> None:
        ready = "Whether this worker has its partitions."
        waits = "Times an event waited for a store to come back."
        held = "What waits now for a store to come back."
        retries = "Times an event, by its topic, was to be tried again after its handler failed."
        dead = "Records sent to the dead-letter topic."
        chores = "Chores that failed, and were left for the next time."
        seconds = "Time to handle an event, or the batch that it is in."
        batch = "Events that were handled together."
        by_app, by_topic, by_type = ["app"], ["app", "topic"], ["app", "type"]
        self.ready = Gauge("instastream_ready", ready, by_app, registry=registry).labels(app)
        self.ready.set(0)
        self.waits = Counter("instastream_waits", waits, by_app, registry=registry).labels(app)
        self.held = Gauge("instastream_held", held, by_app, registry=registry).labels(app)
        self._retries = Counter("instastream_retries", retries, by_topic, registry=registry)
        self.dead = Counter("instastream_dead_letters", dead, by_app, registry=registry).labels(app)
        self._chore_failures = Counter(
            "instastream_chore_failures", chores, ["app", "chore"], registry=registry
        )
        self._seconds = Histogram("instastream_event_seconds", seconds, by_type, registry=registry)
        self._batch_events = Histogram(
            "instastream_batch_events", batch, by_app, registry=registry, buckets=BATCH_BUCKETS
        )
        self._app = app
        self._registry = registry
        at_zero(APPEND_FAILURES, TOPICS)

    def chore_failures(self, chore: str) -> Counter:
        """How often one of its chores failed."""
        return self._chore_failures.labels(self._app, chore)

    def watch(
        self, *, in_flight: Callable[[], int], behind: Callable[[], Mapping[str, Behind]]
    ) -> None:
        """Ask these at each scrape, in its thread: events under way; what is left, by topic."""
        self._registry.register(_Watched(self._app, in_flight, behind))

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


class _Watched(Collector):
    """What is true at the moment of a scrape."""

    def __init__(
        self, app: str, in_flight: Callable[[], int], behind: Callable[[], Mapping[str, Behind]]
    ) -> None:
        self._app = app
        self._in_flight = in_flight
        self._behind = behind

    def describe(self) -> Iterator[GaugeMetricFamily]:
        by_topic = ["app", "topic"]
        yield GaugeMetricFamily(
            "instastream_in_flight_events", "Events that are being handled.", labels=["app"]
        )
        yield GaugeMetricFamily(
            "instastream_lag_events", "Events that are not handled yet.", labels=by_topic
        )
        yield GaugeMetricFamily(
            "instastream_lag_seconds", "Age of the oldest event not handled yet.", labels=by_topic
        )

    def collect(self) -> Iterator[GaugeMetricFamily]:
        in_flight, events, seconds = self.describe()
        in_flight.add_metric([self._app], self._in_flight())
        now_ms = time.time() * 1000
        for topic, behind in self._behind().items():
            oldest_ms = now_ms if behind.oldest_ms is None else behind.oldest_ms
            events.add_metric([self._app, topic], behind.events)
            seconds.add_metric([self._app, topic], max(0.0, now_ms - oldest_ms) / 1000)
        yield from (in_flight, events, seconds)


class Stopwatch:
    """Seconds since it was made, or restarted."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._started_s = perf_counter()

    @property
    def seconds(self) -> float:
        """How long that is ago."""
        return perf_counter() - self._started_s


def at_zero(metric: Counter | Histogram, *labels: Iterable[str]) -> None:
    """Tell of every such child from now on.

    One that appeared with its first count would not have grown by that, as Prometheus sees it.
    """
    for values in product(*labels):
        metric.labels(*values)


def count_swept(findings: Iterable[Finding]) -> None:
    """What a sweep found, once it is seen to."""
    for one in findings:
        SWEPT.labels(one.kind).inc()
        if one.goes:
            SWEPT_BYTES.labels(one.kind).inc(one.size_bytes)


@contextmanager
def timed_outcome(seconds: Histogram, *, refused: type[Exception]) -> Iterator[Stopwatch]:
    """Times its body, as `done`, as `refused` where it raises that, or else as `failed`."""
    stopwatch, outcome = Stopwatch(), "failed"
    try:
        yield stopwatch
        outcome = "done"
    except refused:
        outcome = "refused"
        raise
    finally:
        seconds.labels(outcome).observe(stopwatch.seconds)


def serve_metrics(environ: Mapping[str, str]) -> None:
    """Serve them on `INSTASTREAM_METRICS_PORT` of this machine, where it is set."""
    if port := environ.get("INSTASTREAM_METRICS_PORT"):
        start_http_server(int(port), addr="127.0.0.1")
