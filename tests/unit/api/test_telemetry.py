"""Spans of a request, of what it appended and of what was done about that hang together."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from instastream import telemetry
from instastream.deps import Deps
from instastream.errors import Unavailable, Unready
from instastream.log import KafkaLog
from instastream.tracing import begin, current_span, current_trace, use
from streams.records import handling
from tests.unit.api.conftest import Person, problem, serving
from tests.unit.delivering import fetched

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS = f"00-{TRACE}-00f067aa0ba902b7-01"


class NotedLog(KafkaLog):
    """What would be sent to Kafka is noted."""

    def __init__(self) -> None:
        super().__init__("nowhere", prefix="")
        self.sent: list[Any] = []
        self.trouble: Exception | None = None

    async def _send(self, topic: str, **record: Any) -> Any:
        if self.trouble:
            raise self.trouble
        self.sent.append(fetched(1, record["value"], topic=topic, headers=record["headers"]))
        return SimpleNamespace(partition=0, offset=1)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What OpenTelemetry was told, in the order of ends."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use(telemetry.tracer_of(provider))
    yield exporter
    use(None)


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_an_append_and_what_is_done_about_it_are_one_trace(
    spans: InMemorySpanExporter, ada: Person, bob: Person, deps: Deps
) -> None:
    spans.clear()
    log = NotedLog()
    async with serving(deps, log=log) as http:
        path = f"/v1/users/{bob.id}/follow"
        response = await http.put(path, headers=ada.headers | {"traceparent": CALLERS})
    with handling("graph", log.sent):
        assert current_trace().split("-")[1] == TRACE
    append, request, handle = spans.get_finished_spans()
    assert [span.name for span in (request, append, handle)] == [
        "PUT /v1/users/{user_id}/follow",
        "append graph",
        "handle graph",
    ]
    assert [span.kind.name for span in (request, append, handle)] == [
        "SERVER",
        "PRODUCER",
        "CONSUMER",
    ]
    assert {f"{span.context.trace_id:032x}" for span in (request, append, handle)} == {TRACE}
    assert request.parent
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert append.parent
    assert append.parent.span_id == request.context.span_id
    assert handle.parent
    assert handle.parent.span_id == append.context.span_id
    assert response.headers["traceparent"].split("-")[2] == f"{request.context.span_id:016x}"
    assert told(request)["http.response.status_code"] == response.status_code
    assert told(handle)["messaging.destination.name"] == "graph"


def test_a_batch_is_of_the_trace_of_its_first_event_and_linked_to_the_others(
    spans: InMemorySpanExporter,
) -> None:
    parents = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)]
    records = [fetched(n, headers=[("traceparent", one.encode())]) for n, one in enumerate(parents)]
    with handling("engagement", [*records, fetched(3)]):
        assert current_trace().split("-")[1] == f"{1:032x}"
    [span] = spans.get_finished_spans()
    assert [link.context.trace_id for link in span.links] == [2, 3]
    assert told(span)["messaging.batch.message_count"] == 4


async def test_what_failed_says_so_and_quotes_nothing(
    spans: InMemorySpanExporter, ada: Person, bob: Person, deps: Deps
) -> None:
    spans.clear()
    log = NotedLog()
    log.trouble = Unavailable("kafka", "password=secret")
    async with serving(deps, log=log) as http:
        await http.put(f"/v1/users/{bob.id}/follow", headers=ada.headers)
    append, request = spans.get_finished_spans()
    assert append.status.status_code.name == "ERROR"
    assert told(append)["error.type"] == "Unavailable"
    assert "secret" not in append.to_json() + request.to_json()
    assert bob.id not in append.to_json() + request.to_json()


async def test_a_mistake_of_ours_is_answered_under_its_own_trace(
    spans: InMemorySpanExporter, deps: Deps
) -> None:
    async def broken() -> None:
        raise RuntimeError

    async with serving(deps, pings={"kafka": broken}) as http:
        response = await http.get("/readyz", headers={"traceparent": CALLERS})
    assert problem(response) == (500, "internal-error")
    assert response.headers["traceparent"].split("-")[1] == TRACE
    assert spans.get_finished_spans()[-1].status.status_code.name == "ERROR"


def test_after_an_append_the_request_goes_on(spans: InMemorySpanExporter) -> None:
    with begin("server", CALLERS) as request:
        with begin("producer") as append:
            assert current_trace() == append.traceparent != request.traceparent
        assert current_trace() == request.traceparent
        span = current_span()
        assert span
        assert span.parent_id == "00f067aa0ba902b7"


def test_whom_the_caller_or_a_sampler_leaves_out_is_left_out_to_the_end() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use(telemetry.tracer_of(provider))
    try:
        for parent in ("", CALLERS.removesuffix("1") + "0"):
            with begin("server", parent), begin("producer") as append:
                assert append.traceparent.endswith("-00")
        assert exporter.get_finished_spans() == ()
    finally:
        use(None)


def test_nobody_is_told_unless_the_environment_says_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry.start({}, "api")
    assert not begin("server", "").told
    monkeypatch.setattr(telemetry, "INSTALLED", False)
    telemetry.start({}, "api")
    with pytest.raises(Unready, match=r"instastream\[otel\]"):
        telemetry.start({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "api")


def test_without_it_an_append_is_a_part_of_its_request() -> None:
    with begin("server", CALLERS) as request:
        assert begin("producer").traceparent == request.traceparent == current_trace()
