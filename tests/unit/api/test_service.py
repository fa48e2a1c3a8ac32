"""The service says how it is: alive, ready, measured and traced."""

import asyncio
import logging
import re
from typing import Any

import pytest
from httpx2 import AsyncClient

from instastream.api import service
from instastream.api.app import create_app
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import Record
from instastream.log import Appended
from instastream.stores.memory import MemoryLog
from instastream.tracing import current_trace
from tests.unit.api.conftest import Person, client_of, problem, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def answers() -> None:
    """A server that is there."""


async def refuses() -> None:
    """A server that is not."""
    raise Unavailable("it", "connection refused at 10.1.2.3")


async def hangs() -> None:
    """A server that accepts and says nothing."""
    await asyncio.sleep(60)


async def test_it_is_alive_whatever_else_is_down(deps: Deps) -> None:
    async with serving(deps, pings={"redis": refuses}) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert (await http.head("/healthz")).status_code == 200


async def test_it_is_ready_when_every_server_answers(deps: Deps) -> None:
    async with serving(deps, pings={"kafka": answers, "redis": answers}) as http:
        ready = await http.get("/readyz")
    assert ready.json() == {"status": "ready", "servers": ["kafka", "redis"]}


async def test_it_names_the_servers_that_do_not_answer(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PING_TIMEOUT_S", 0.05)
    pings: dict[str, Any] = {"kafka": refuses, "cassandra": answers, "redis": hangs}
    async with serving(deps, pings=pings) as http:
        response = await http.get("/readyz")
    assert problem(response) == (503, "unavailable")
    assert response.json()["detail"].startswith("kafka, redis do")
    assert "10.1.2.3" not in response.text


async def test_requests_are_counted_by_route_and_not_by_id(ada: Person, http: AsyncClient) -> None:
    await ada.get(f"/v1/users/{ada.id}")
    await ada.get(f"/v1/users/{ada.id}")
    await http.get("/nothing/here")
    await http.request("BREW", "/v1/feed")
    text = (await http.get("/metrics")).text
    assert _count(text, "GET", "/v1/users/{user_id}", 200) == 2
    assert _count(text, "GET", "unknown", 404) == 1
    assert _count(text, "other", "/v1/feed", 405) == 1
    assert ada.id not in text
    assert "BREW" not in text


async def test_a_mistake_of_ours_is_counted(deps: Deps) -> None:
    async def broken() -> None:
        raise RuntimeError

    async with serving(deps, pings={"kafka": broken}) as http:
        assert problem(await http.get("/readyz")) == (500, "internal-error")
        assert _count((await http.get("/metrics")).text, "GET", "/readyz", 500) == 1


async def test_each_app_counts_its_own(http: AsyncClient, deps: Deps) -> None:
    await http.get("/healthz")
    async with client_of(create_app(deps)) as other:
        assert "healthz" not in (await other.get("/metrics")).text


def _count(text: str, method: str, route: str, status: int) -> float:
    labels = f'method="{method}",route="{route}",status="{status}"'
    line = re.escape(f"instastream_http_request_seconds_count{{{labels}}} ") + "(.*)"
    found = re.search(line, text)
    return float(found[1]) if found else 0


async def test_what_reads_find_without_asking_a_server_is_counted(
    ada: Person, http: AsyncClient
) -> None:
    for _ in range(3):
        await ada.get("/v1/feed")
    text = (await http.get("/metrics")).text
    assert 'instastream_cache_misses_total{cache="circles"} 1.0' in text
    assert 'instastream_cache_hits_total{cache="circles"} 2.0' in text
    assert "instastream_http_in_flight_requests 1.0" in text
    assert "instastream_streams 0.0" in text
    assert "process_open_fds" in text


async def test_a_request_is_said_where_that_is_asked_for(
    ada: Person, http: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await ada.get(f"/v1/users/{ada.id}?x=secret")
    assert caplog.records == []
    caplog.set_level(logging.INFO, logger="instastream.api")
    await ada.get(f"/v1/users/{ada.id}?x=secret")
    [said] = caplog.records
    assert said.getMessage() == f"GET /v1/users/{ada.id}"
    assert (vars(said)["route"], vars(said)["status"]) == ("/v1/users/{user_id}", 422)


class TracingLog(MemoryLog):
    """Remembers the trace that each event was appended in."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[str] = []

    async def append(self, event: Appended) -> Record[Appended]:
        self.traces.append(current_trace())
        return await super().append(event)


async def test_events_carry_the_trace_of_the_request_that_caused_them(
    ada: Person, bob: Person, deps: Deps
) -> None:
    log = TracingLog()
    caller = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with serving(deps, log=log) as http:
        path = f"/v1/users/{bob.id}/follow"
        response = await http.put(path, headers=ada.headers | caller)
    assert log.traces == [response.headers["traceparent"]]
    assert response.headers["traceparent"].split("-")[1] == TRACE


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-" + "0" * 10, "\u00fc"])
async def test_a_trace_that_is_none_begins_anew(http: AsyncClient, traceparent: str) -> None:
    headers = [(b"traceparent", traceparent.encode("latin-1"))]
    response = await http.get("/nothing", headers=headers)
    trace = response.headers["traceparent"].split("-")[1]
    assert response.json()["instance"] == f"trace:{trace}"
