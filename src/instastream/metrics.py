"""What workers count and time, for Prometheus."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from instastream.events import Event, type_of


class WorkerMetrics:
    """The metrics of one stream app, in the process's own registry."""

    def __init__(self, app: str) -> None:
        labels = ["app"]
        self.ready = Gauge(
            "instastream_ready", "Whether this worker has its partitions.", labels
        ).labels(app)
        self.ready.set(0)
        self.waits = Counter(
            "instastream_waits", "Times an event waited for a store to come back.", labels
        ).labels(app)
        self.dead = Counter(
            "instastream_dead_letters", "Records sent to the dead-letter topic.", labels
        ).labels(app)
        self._seconds = Histogram(
            "instastream_event_seconds", "Time to handle an event.", ["app", "type"]
        )
        self._app = app

    @contextmanager
    def timed(self, event: Event) -> Iterator[None]:
        """Counts and times an event that is handled in its body."""
        started = perf_counter()
        try:
            yield
        finally:
            self._observe(event, perf_counter() - started)

    def _observe(self, event: Event, seconds: float) -> None:
        self._seconds.labels(self._app, type_of(type(event))).observe(seconds)


def serve_metrics(environ: Mapping[str, str]) -> None:
    """Serve them on `INSTASTREAM_METRICS_PORT` of this machine, where it is set."""
    if port := environ.get("INSTASTREAM_METRICS_PORT"):
        start_http_server(int(port), addr="127.0.0.1")
