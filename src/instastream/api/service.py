"""The service itself: is it alive, is it ready, how is it doing, what do its problems mean."""

import asyncio
import logging
from typing import Literal

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST

from instastream.api import problems
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.api.problems import ProblemType
from instastream.deps import Ping
from instastream.errors import Unavailable

PING_TIMEOUT_S = 3.0  # shorter than what probes wait for us

log = logging.getLogger(__name__)


class Health(Struct, frozen=True):
    """This process answers."""

    status: Literal["ok"]


class Readiness(Struct, frozen=True):
    """Every server that requests depend on answers."""

    status: Literal["ready"]
    servers: list[str]


async def health(asked: Asked[Nothing, Nothing]) -> Answer[Health]:
    """Alive; asks no other server."""
    return Answer(Health("ok"))


async def readiness(asked: Asked[Nothing, Nothing]) -> Answer[Readiness]:
    """Ready; raises Unavailable naming each server that does not answer."""
    pings = asked.deps.pings
    answers = await asyncio.gather(*(_answers(name, ping) for name, ping in pings.items()))
    down = [name for name, answered in zip(pings, answers, strict=True) if not answered]
    if down:
        raise Unavailable(", ".join(down), "no answer to a ping")
    return Answer(Readiness("ready", list(pings)))


async def _answers(name: str, ping: Ping) -> bool:
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await ping()
    except (Unavailable, TimeoutError) as error:
        log.warning("%s is not ready: %s", name, error)
        return False
    return True


async def metrics(asked: Asked[Nothing, Nothing]) -> Answer[str]:
    """What Prometheus scrapes."""
    return Answer(asked.metrics.text())


async def problem(asked: Asked[Nothing, Nothing]) -> Answer[ProblemType]:
    """What a type of problem means."""
    return Answer(problems.describe(asked.path["slug"]))


OPERATIONS = (
    Operation(
        method="GET",
        path="/healthz",
        summary="Is this process alive?",
        endpoint=health,
        query=Nothing,
        body=Nothing,
        shown=Health,
        signed_in=False,
    ),
    Operation(
        method="GET",
        path="/readyz",
        summary="Do all servers behind it answer?",
        endpoint=readiness,
        query=Nothing,
        body=Nothing,
        shown=Readiness,
        problems=("unavailable",),
        signed_in=False,
    ),
    Operation(
        method="GET",
        path="/metrics",
        summary="Metrics for Prometheus",
        endpoint=metrics,
        query=Nothing,
        body=Nothing,
        shown=str,
        media_type=CONTENT_TYPE_LATEST,
        signed_in=False,
    ),
    Operation(
        method="GET",
        path="/problems/{slug}",
        summary="What a type of problem means",
        endpoint=problem,
        query=Nothing,
        body=Nothing,
        shown=ProblemType,
        problems=("not-found",),
        signed_in=False,
    ),
)
