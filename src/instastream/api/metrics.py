"""How many requests are answered, how, and how fast; and which trace each belongs to."""

from functools import cache
from time import perf_counter

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instastream.tracing import continue_trace

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RequestMetrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        seconds = Histogram(
            "instastream_http_request_seconds",
            "Time to answer a request.",
            ["method", "route", "status"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._seconds = cache(seconds.labels)  # which takes longer to find than to count

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request, by the template of its route: ids would be labels without end."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = scope["route"].path if "route" in scope else "unknown"
        self._seconds(method, route, status).observe(seconds)

    def text(self) -> str:
        """What Prometheus scrapes."""
        return generate_latest(self._registry).decode()


class Observed:
    """ASGI middleware: continues the caller's trace, times the request, names its trace."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        trace = continue_trace(_traceparent(scope))
        started_s, status = perf_counter(), 500

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"traceparent", trace.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        finally:
            self._metrics.observe(scope, status, perf_counter() - started_s)


def _traceparent(scope: Scope) -> str:
    """As the caller sent it last."""
    for name, value in reversed(scope["headers"]):
        if name == b"traceparent":
            return str(value.decode("latin-1"))
    return ""
