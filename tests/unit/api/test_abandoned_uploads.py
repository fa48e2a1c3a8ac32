"""Uploads that are taken back, or never completed."""

import dataclasses

import pytest

from instastream.deps import Deps
from instastream.ids import MediaId
from instastream.limits import MULTIPART_TTL_S, UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.multipart import abort_abandoned
from instastream.stores.blobs import Blob
from instastream.stores.memory import MemoryBlobs
from instastream.stores.memory_multiparts import MemoryMultiparts
from instastream.stores.multiparts import Part
from instastream.uploads import ORIGINALS, original_key
from tests.unit.api.conftest import Person, problem, serving, single
from tests.unit.api.test_large_uploads import ALL, CALLS, COUNT, begin, completed, send

GRACE_S = UPLOAD_GRACE_S - UPLOAD_TTL_S


def at(deps: Deps, at_ms: int) -> Deps:
    """The same at another time."""
    return dataclasses.replace(deps, now_ms=lambda: at_ms)


async def test_an_aborted_upload_can_never_be_a_post(ada: Person, deps: Deps) -> None:
    for media_id in (await begin(ada), await completed(ada, deps), await ada.upload()):
        for _ in range(2):
            response = await ada.ask("DELETE", f"/v1/uploads/{media_id}")
            assert response.status_code == 204
        for method, rest, body in CALLS[:3]:
            response = await ada.ask(method, f"/v1/uploads/{media_id}{rest}", json=body)
            assert problem(response) == (410, "upload-aborted")
        response = await ada.ask("POST", "/v1/posts", json=single(media_id))
        assert problem(response) == (410, "upload-aborted")
    assert [one async for one in deps.multiparts.begun("")] == []
    assert await deps.blobs.list("") == []


class Aborting(MemoryMultiparts):
    """The owner takes it back at the same moment."""

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        await self.abort(key, multipart_id)
        return await super().complete(key, multipart_id, parts, sha256s)


async def test_what_is_aborted_at_the_same_moment_is_not_called_complete(
    ada: Person, deps: Deps
) -> None:
    assert isinstance(deps.blobs, MemoryBlobs)
    aborting = dataclasses.replace(deps, multiparts=Aborting(deps.blobs))
    async with serving(aborting) as http:
        ada.http = http
        media_id = await begin(ada)
        await send(ada, aborting, media_id, *range(1, COUNT + 1))
        response = await ada.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
    assert problem(response) == (410, "upload-aborted")
    assert response.json()["detail"] == "its parts are gone: request a new upload"


async def test_a_post_can_not_be_aborted(ada: Person, deps: Deps) -> None:
    media_id = await completed(ada, deps)
    post = await ada.ask("POST", "/v1/posts", json=single(media_id))
    response = await ada.ask("DELETE", f"/v1/uploads/{media_id}")
    assert problem(response) == (409, "upload-already-used")
    assert response.json()["detail"] == "this upload is a post: delete the post instead"
    again = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert again.json() == post.json()


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("late_ms", [0, 1])
async def test_a_large_upload_lives_a_day_and_a_complete_one_a_little_longer(
    ada: Person, deps: Deps, whole: bool, late_ms: int
) -> None:
    begun_ms = deps.now_ms()
    async with serving(deps, now_ms=lambda: begun_ms) as http:
        ada.http = http
        media_id = await completed(ada, deps) if whole else await begin(ada)
    at_ms = begun_ms + (MULTIPART_TTL_S + (GRACE_S if whole else 0)) * 1000 + late_ms
    async with serving(deps, now_ms=lambda: at_ms) as http:
        now = Person(http, at(deps, at_ms), ada.id)
        looked = await now.get(f"/v1/uploads/{media_id}")
        finalized = await now.ask("POST", "/v1/posts", json=single(media_id))
    if late_ms:
        assert problem(looked) == problem(finalized) == (410, "upload-expired")
    else:
        assert looked.status_code == 200
        assert finalized.status_code == (202 if whole else 409)


@pytest.mark.parametrize(("late_ms", "swept"), [(0, 0), (1, 2)])
async def test_parts_that_nobody_can_complete_any_more_are_swept(
    ada: Person, deps: Deps, late_ms: int, swept: int
) -> None:
    for _ in range(2):
        await send(ada, deps, await begin(ada), 1)
    [begun, _] = [one async for one in deps.multiparts.begun(ORIGINALS)]
    at_ms = begun.begun_ms + (MULTIPART_TTL_S + UPLOAD_GRACE_S) * 1000 + late_ms
    assert await abort_abandoned(at(deps, at_ms)) == swept
    assert len([one async for one in deps.multiparts.begun(ORIGINALS)]) == 2 - swept


async def test_parts_of_an_object_that_is_there_are_not_swept(ada: Person, deps: Deps) -> None:
    media_id = await begin(ada)
    assert isinstance(deps.blobs, MemoryBlobs)
    deps.blobs.objects[original_key(ada.id, MediaId(media_id))] = b"", Blob(0, None)
    assert await abort_abandoned(at(deps, 2 * deps.now_ms())) == 0
