"""Whatever is logged, by us or by a library, tells no secret: real servers, logging at debug."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex, token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import ASGITransport, AsyncClient

from instastream.api.app import create_app
from instastream.client import TIMEOUT_S, Client
from instastream.deps import Deps, open_deps
from instastream.limits import PUT_BYTES_MAX
from instastream.media_urls import link_key, media_url, origin_key
from instastream.settings import S3Keys, Settings
from tests.conftest import IN_MEMORY
from tests.stores.test_multipart import CONTENTS

Json = dict[str, Any]

PHOTO = b"the bytes of a photograph that is not decoded here"
OF_CLIENTS = ("httpx2", "httpcore2")  # what whoever asks logs is theirs


class Heard(logging.Handler):
    """All that is logged, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(OF_CLIENTS):
            self.lines.append(self.format(record))


@contextmanager
def everything() -> Iterator[Heard]:
    """What the root hears at debug, and so every library that is not told otherwise."""
    root, heard = logging.getLogger(), Heard()
    before = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.setLevel(before)
        root.removeHandler(heard)


def of_operator(settings: Settings) -> list[str]:
    """What whoever runs the system keeps to themselves, in all spellings."""
    keys = [settings.token_key, settings.media_key, settings.edge_key]
    given = settings.s3_keys
    return [
        *[key.hex() for key in keys],
        *[repr(key) for key in keys],
        *([given.secret_key] if given else []),
        link_key(settings.edge_key),
        origin_key(settings.edge_key),
    ]


async def use_it(http: AsyncClient, store: AsyncClient, deps: Deps) -> list[str]:
    """Do all that has to do with secrets; returns those that it met."""
    name, password, wrong = f"eve_{token_hex(4)}", token_urlsafe(12), token_urlsafe(12)
    body = {"username": name, "password": password}
    joined = (await http.post("/v1/users", json=body)).json()
    for guess in (body | {"password": wrong}, {"username": "nobody", "password": wrong}):
        assert (await http.post("/v1/tokens", json=guess)).status_code == 401
    first = (await http.post("/v1/tokens", json=body)).json()
    again = {"refresh_token": first["refresh_token"]}
    second = (await http.post("/v1/tokens/refresh", json=again)).json()
    forged = first["access_token"][:-4] + "AAAA"
    for token in (forged, second["refresh_token"], first["access_token"]):
        await http.get("/v1/me", headers={"authorization": f"Bearer {token}"})
    eve = Client(http, access_token=second["access_token"], user_id=joined["id"])
    declared = await eve.declare(PHOTO, "image/jpeg")
    put = declared["put"]
    for _ in range(2):
        await store.put(put["url"], headers=put["headers"], content=PHOTO)
    large = await eve.declare(b"x" * (PUT_BYTES_MAX + 1), "video/mp4")
    part = await eve.sign_part(large["media_id"], 1, CONTENTS[1])
    await eve.call("GET", f"/v1/uploads/{large['media_id']}")
    post = await eve.finalize(declared["media_id"], caption="")
    await eve.call("PATCH", "/v1/me", json={"private": True})
    await eve.call("GET", f"/v1/feed/explain/{post['id']}")
    await eve.feed()
    credentials = await deps.accounts.credentials(name)
    assert credentials
    hidden = media_url(deps.settings, f"private/{'d' * 32}/1-0/full.webp", now_s=0)
    return [
        password,
        wrong,
        credentials.password_hash,
        *[pair[name] for pair in (first, second) for name in ("access_token", "refresh_token")],
        *[_signature(one["url"]) for one in (put, part)],
        hidden.split("/signed/")[1].split("/")[1],
    ]


def _signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


async def test_no_log_tells_a_secret(settings: Settings) -> None:
    with everything() as heard:
        logging.getLogger("somebody").debug("what is heard")
        async with (
            open_deps(settings) as deps,
            AsyncClient(transport=ASGITransport(create_app(deps)), base_url="http://api") as http,
            AsyncClient(timeout=TIMEOUT_S) as store,
        ):
            secrets = [*await use_it(http, store, deps), *of_operator(settings)]
    assert "somebody what is heard" in heard.lines
    assert len(secrets) > 15
    assert all(secrets)
    told = {one: [line for line in heard.lines if one in line] for one in secrets}
    assert not {one: lines for one, lines in told.items() if lines}


@pytest.mark.parametrize("shown", [repr, str, "{}".format, lambda one: str([one])])
def test_settings_tell_no_secret_where_they_are_printed(shown: Any) -> None:
    keys = S3Keys("an access key", "a secret of the store", "a token of a session")
    settings = Settings(
        kafka="kafka",
        cassandra="cassandra",
        redis="redis://:a-password@redis",
        s3="s3",
        s3_keys=keys,
        edge="http://edge.test",
        token_key=b"t" * 32,
        media_key=b"m" * 32,
        edge_key=b"e" * 32,
    )
    told = shown(settings) + shown(keys) + shown(IN_MEMORY)
    for secret in ("tttt", "mmmm", "eeee", "a-password", "of the store", "of a session"):
        assert secret not in told
