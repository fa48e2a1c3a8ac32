"""Spans of requests, appends and handled events for OpenTelemetry, where an operator wants them.

Off unless the environment names who receives them. What went wrong is in logs, under the same
trace: spans quote no message and no path that a client made up.
"""

from collections.abc import Iterable, Mapping

from instastream.errors import Unready
from instastream.tracing import TRACEPARENT, Kind, Span, Tracer, Work, make_current, use

SAMPLED = 1  # the one flag that traceparents of ours have
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
except ImportError:  # without the extra `otel` nobody is told
    INSTALLED = False
else:
    INSTALLED = True


def start(environ: Mapping[str, str], app: str) -> None:
    """Send this process's spans by OTLP where the environment says so; raises Unready if it can't.

    All else (sampling, headers, the service's name) is as the SDK reads it from the environment.
    """
    if not any(environ.get(name) for name in ENDPOINTS):
        return
    if not INSTALLED:
        raise Unready(f"{ENDPOINTS[0]} is set, and OpenTelemetry is not installed: "
                      "pip install 'instastream[otel]'")  # fmt: skip
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: f"instastream-{app}"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(tracer_of(provider))


def tracer_of(provider: "trace.TracerProvider") -> Tracer:
    """What tells a provider of spans."""
    return _OtelTracer(provider.get_tracer("instastream"))


class _OtelTracer:
    def __init__(self, tracer: "trace.Tracer") -> None:
        self._tracer = tracer

    def begin(self, kind: Kind, parent: str, links: Iterable[str]) -> Work:
        known = _context_of(parent)
        context = Context()
        if known:
            context = trace.set_span_in_context(trace.NonRecordingSpan(known), context)
        span = self._tracer.start_span(
            kind,
            context=context,
            kind=trace.SpanKind[kind.upper()],
            links=[trace.Link(linked) for one in links if (linked := _context_of(one))],
        )
        return _OtelWork(kind, span, parent_id=f"{known.span_id:016x}" if known else "")


class _OtelWork(Work):
    told = True

    def __init__(self, kind: Kind, span: "trace.Span", *, parent_id: str) -> None:
        self._kind = kind
        self._span = span
        own = span.get_span_context()
        trace_id, span_id = f"{own.trace_id:032x}", f"{own.span_id:016x}"
        super().__init__(f"00-{trace_id}-{span_id}-{own.trace_flags & SAMPLED:02x}")
        self._before = make_current(Span(trace_id, span_id, parent_id, self.traceparent))

    def tell(self, name: str, **attributes: str | int) -> None:
        self._span.update_name(name)
        for key, value in attributes.items():
            self._span.set_attribute(key.replace("__", "."), value)

    def __exit__(self, *raised: object) -> None:
        kind = raised[0]
        if isinstance(kind, type):
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
        if self._kind == "producer":  # whoever answers for the others does so after their end
            make_current(self._before)


def _context_of(traceparent: str) -> "trace.SpanContext | None":
    known = TRACEPARENT.fullmatch(traceparent)
    if not known:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in known.groups())
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
