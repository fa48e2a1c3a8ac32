"""Whatever is asked, the running API answers as its OpenAPI document says."""

import asyncio
from typing import Any

import pytest
import schemathesis
from httpx2 import AsyncClient
from hypothesis import HealthCheck, assume, settings
from schemathesis import Case

from instastream.api.openapi import document
from instastream.client import TIMEOUT_S, Client

EXAMPLES = 25  # requests of each operation and kind

ENDLESS = "/v1/feed/stream"  # tests/unit/api/test_stream.py

documented = schemathesis.openapi.from_dict(document()).exclude(path=ENDLESS)


@pytest.fixture(scope="session")
def bearer(running: dict[str, str]) -> dict[str, str]:
    """Someone signed in."""

    async def join() -> dict[str, str]:
        async with AsyncClient(base_url=running["INSTASTREAM_API"]) as http:
            return (await Client.joined(http, "schemathesis", "a long password")).headers

    return asyncio.run(join())


@documented.parametrize()
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
def test_every_answer_is_as_documented(
    case: Case[Any], running: dict[str, str], bearer: dict[str, str]
) -> None:
    if case.meta and case.meta.generation.mode.is_positive:
        case.query.pop("cursor", None)  # what is well-formed is no good unless it was given out
    else:
        assume([] not in case.query.values())  # what is wrong with it is not in the URL
    case.call_and_validate(base_url=running["INSTASTREAM_API"], headers=bearer, timeout=TIMEOUT_S)
