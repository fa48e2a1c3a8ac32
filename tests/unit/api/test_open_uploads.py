"""How many uploads a user may have open at once."""

import pytest
from httpx2 import Response
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.limits import (
    MULTIPART_TTL_S,
    UPLOAD_GRACE_S,
    UPLOAD_TTL_S,
    UPLOADS_OPEN_MAX,
    UPLOADS_RATE,
)
from instastream.pacing import PACES
from instastream.stores.memory import MemoryUploads
from instastream.stores.uploads import Upload
from tests.unit.api.conftest import NOW_MS, Person, declaration, problem, serving, single
from tests.unit.api.test_large_uploads import video

LIVES_S = {"photo": UPLOAD_GRACE_S, "video": MULTIPART_TTL_S + UPLOAD_GRACE_S - UPLOAD_TTL_S}
TOO_MANY = (429, "too-many-uploads")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


async def begin(person: Person, kind: str = "photo") -> Response:
    body = video() if kind == "video" else declaration()
    return await person.ask("POST", "/v1/uploads", json=body)


async def fill(person: Person, kind: str = "photo", *, but: int = 0) -> list[str]:
    """All that may be open, but some."""
    begun = [await begin(person, kind) for _ in range(UPLOADS_OPEN_MAX - but)]
    assert {one.status_code for one in begun} == {201}
    return [one.json()["media_id"] for one in begun]


@pytest.fixture(autouse=True)
def videos_as_fast_as_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them at once than may be open."""
    fast = replace(PACES["videos"], rate=UPLOADS_RATE)
    monkeypatch.setattr("instastream.pacing.PACES", {**PACES, "videos": fast})


@pytest.mark.parametrize("kind", ["photo", "video"])
async def test_a_user_has_so_many_uploads_open_and_no_more(
    ada: Person, bob: Person, deps: Deps, kind: str
) -> None:
    await fill(ada, kind, but=1)
    assert (await begin(ada, "photo")).status_code == 201
    before = [one async for one in deps.multiparts.begun("")]
    for refused in ("photo", "video"):
        assert problem(await begin(ada, refused)) == TOO_MANY
    assert [one async for one in deps.multiparts.begun("")] == before
    assert (await begin(bob, kind)).status_code == 201


async def test_who_is_refused_is_told_what_to_do(ada: Person, deps: Deps) -> None:
    clock = Clock()
    async with serving(deps, now_ms=clock) as http:
        ada = Person(http, deps, ada.id)
        [first] = [(await begin(ada)).json()["media_id"]]
        clock.now_ms += 1_500
        await fill(ada, but=1)
        refused = await begin(ada)
        assert problem(refused) == TOO_MANY
        assert refused.json()["detail"] == (
            f"100 are open: finalize or abort some, such as {first}, "
            "or wait for 2026-11-18T12:06:40+00:00"
        )
        wait_s = int(refused.headers["retry-after"])
        clock.now_ms += (wait_s - 1) * 1000
        assert problem(await begin(ada)) == TOO_MANY
        clock.now_ms += 1_000
        assert (await begin(ada)).status_code == 201


@pytest.mark.parametrize("kind", ["photo", "video"])
async def test_what_is_too_old_is_not_open(ada: Person, deps: Deps, kind: str) -> None:
    clock = Clock()
    async with serving(deps, now_ms=clock) as http:
        ada = Person(http, deps, ada.id)
        await fill(ada, kind)
        clock.now_ms += LIVES_S[kind] * 1000
        assert problem(await begin(ada)) == TOO_MANY
        clock.now_ms += 1
        await fill(ada)


async def test_what_is_a_post_or_aborted_is_not_open(ada: Person) -> None:
    await fill(ada, but=1)
    media_id = await ada.upload()
    assert problem(await begin(ada)) == TOO_MANY
    for _ in range(2):
        assert (await ada.ask("POST", "/v1/posts", json=single(media_id))).status_code == 202
    aborted = (await begin(ada)).json()["media_id"]
    assert problem(await begin(ada)) == TOO_MANY
    for _ in range(2):
        await ada.ask("DELETE", f"/v1/uploads/{aborted}")
    assert (await begin(ada)).status_code == 201
    assert problem(await begin(ada)) == TOO_MANY


class Failing(MemoryUploads):
    """A store that goes down when something is declared."""

    async def declare(self, upload: Upload) -> None:
        raise Unavailable("cassandra", "no answer")


async def test_what_fails_to_begin_is_not_open(ada: Person, deps: Deps) -> None:
    async with serving(deps, uploads=Failing()) as http:
        ada = Person(http, deps, ada.id)
        for _ in range(UPLOADS_OPEN_MAX + 1):
            assert problem(await begin(ada)) == (503, "unavailable")
