"""How many requests are answered, how, and how fast; and which trace each belongs to."""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from time import perf_counter

from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instastream.metrics import APPEND_FAILURES, LISTLESS_READS, LISTLESS_WHY, TOPICS, at_zero
from instastream.reading.caching import Usage
from instastream.tracing import Work, begin

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

log = logging.getLogger(__name__)


class RequestMetrics:
    """The metrics of one app, in a registry of its own; what else its process counts is the API's.

    What is counted on the way of every request is a whole number, which is read at a scrape.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.registry = CollectorRegistry()
        seconds = Histogram(
            "instastream_http_request_seconds",
            "Time to answer a request.",
            ["method", "route", "status"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        at_zero(APPEND_FAILURES, TOPICS)
        at_zero(LISTLESS_READS, LISTLESS_WHY)
        self._seconds = cache(seconds.labels)  # which takes longer to find than to count

    def observe(self, scope: Scope, status: int, seconds: float, work: Work) -> None:
        """Count one request, by the template of its route: ids would be labels without end."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = scope["route"].path if "route" in scope else "unknown"
        self._seconds(method, route, status).observe(seconds)
        if work.told:
            work.tell(
                f"{method} {route}",
                http__request__method=method,
                http__route=route,
                http__response__status_code=status,
            )
        if log.isEnabledFor(logging.INFO):
            answered = {"route": route, "status": status, "seconds": round(seconds, 6)}
            log.info("%s %s", scope["method"], scope["path"], extra=answered)

    def watch(
        self, *, caches: Callable[[], Mapping[str, Usage]], streams: Callable[[], int]
    ) -> None:
        """Ask these at each scrape: what caches were used for, and how many streams are open."""
        self.registry.register(_Watched(self, caches, streams))

    def text(self) -> str:
        """What Prometheus scrapes."""
        return (generate_latest(self.registry) + generate_latest(REGISTRY)).decode()


class _Watched(Collector):
    """What is true at the moment of a scrape."""

    def __init__(
        self,
        metrics: RequestMetrics,
        caches: Callable[[], Mapping[str, Usage]],
        streams: Callable[[], int],
    ) -> None:
        self._metrics = metrics
        self._caches = caches
        self._streams = streams

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "instastream_http_in_flight_requests",
            "Requests that are being answered, open streams among them.",
            self._metrics.in_flight,
        )
        yield GaugeMetricFamily("instastream_streams", "Open streams of feeds.", self._streams())
        by_cache = ["cache"]
        hits = CounterMetricFamily("instastream_cache_hits", "Found.", labels=by_cache)
        misses = CounterMetricFamily("instastream_cache_misses", "Loaded.", labels=by_cache)
        size = GaugeMetricFamily("instastream_cache_bytes", "Kept, about.", labels=by_cache)
        for name, usage in self._caches().items():
            hits.add_metric([name], usage.hits)
            misses.add_metric([name], usage.misses)
            size.add_metric([name], usage.size_bytes)
        yield from (hits, misses, size)


class Observed:
    """ASGI middleware: continues the caller's trace, times the request, names its trace."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        work = begin("server", _traceparent(scope))
        started_s, status = perf_counter(), 500

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                traced = (b"traceparent", work.traceparent.encode())
                message["headers"] = [*message["headers"], traced]
            await send(message)

        self._metrics.in_flight += 1
        with work:
            try:
                await self._app(scope, receive, send_traced)
            finally:
                self._metrics.in_flight -= 1
                self._metrics.observe(scope, status, perf_counter() - started_s, work)


def _traceparent(scope: Scope) -> str:
    """As the caller sent it last."""
    for name, value in reversed(scope["headers"]):
        if name == b"traceparent":
            return str(value.decode("latin-1"))
    return ""
