"""The servers, started once a run; a namespace of its own for everything a run makes."""

import asyncio
import os
from secrets import token_hex

import pytest

from infra.provision import provision
from instastream.settings import Settings

IN_MEMORY = Settings(
    kafka="memory",
    cassandra="memory",
    redis="memory",
    s3=None,
    media_url="http://edge.test/instastream",
    token_key=bytes(32),
    media_key=bytes(32),
)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Real servers with topics, tables and a bucket that only this run uses."""
    environ = os.environ | {"INSTASTREAM_NAMESPACE": f"t{token_hex(4)}"}
    settings = Settings.from_env(environ)
    asyncio.run(provision(settings))
    return settings
