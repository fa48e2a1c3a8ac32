"""Videos that arrive in parts: begun, sent, resumed, completed once, or taken back."""

import dataclasses

import pytest

from instastream.deps import Deps
from instastream.events import UploadFinalized
from instastream.limits import (
    PART_BYTES,
    PARTS_MAX,
    PUT_BYTES_MAX,
    VIDEO_BYTES_MAX,
)
from instastream.parts import part_sizes, sha256_of_parts
from instastream.stores.blobs import SignedPut
from instastream.stores.memory import MemoryBlobs
from instastream.stores.memory_multiparts import MemoryMultiparts
from instastream.stores.multiparts import Part
from instastream.uploads import VIDEO_TYPES
from tests.unit.api.conftest import NOBODYS, Json, Person, declaration, problem, serving, single

SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
SIZE = PUT_BYTES_MAX + 1
COUNT = 4
WHOLE = sha256_of_parts([SHA256] * COUNT)
ALL = {"sha256s": [SHA256] * COUNT}
CALLS = (
    ("GET", "", None),
    ("POST", "/parts", {"parts": [{"number": 1, "sha256": SHA256}]}),
    ("POST", "/complete", ALL),
    ("DELETE", "", None),
)


def video(**words: object) -> Json:
    """What a client says of a video that just needs parts."""
    return {"content_type": "video/mp4", "size_bytes": SIZE, "sha256": WHOLE} | words


async def begin(owner: Person) -> str:
    """The id of a large upload of which nothing has arrived."""
    response = await owner.ask("POST", "/v1/uploads", json=video())
    assert response.status_code == 201
    return str(response.json()["media_id"])


async def send(owner: Person, deps: Deps, media_id: str, *numbers: int) -> list[bool]:
    """PUT these parts; whether each was taken."""
    signed = await sign(owner, media_id, *numbers)
    return [put(deps, one["put"], part_sizes(SIZE)[one["number"]]) for one in signed]


async def sign(owner: Person, media_id: str, *numbers: int) -> list[Json]:
    wanted = {"parts": [{"number": number, "sha256": SHA256} for number in numbers]}
    response = await owner.ask("POST", f"/v1/uploads/{media_id}/parts", json=wanted)
    assert response.status_code == 200
    return list(response.json()["parts"])


def put(deps: Deps, signed: Json, size_bytes: int) -> bool:
    assert isinstance(deps.multiparts, MemoryMultiparts)
    return deps.multiparts.take(SignedPut(signed["url"], signed["headers"]), bytes(size_bytes))


async def completed(owner: Person, deps: Deps) -> str:
    """The id of a large upload that can be finalized."""
    media_id = await begin(owner)
    await send(owner, deps, media_id, *range(1, COUNT + 1))
    response = await owner.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
    assert response.json()["complete"] is True
    return media_id


@pytest.mark.parametrize(
    ("declared", "answer"),
    [
        ({"size_bytes": PUT_BYTES_MAX - 1}, "put"),
        ({"size_bytes": PUT_BYTES_MAX}, "put"),
        ({"size_bytes": PUT_BYTES_MAX + 1}, "parts"),
        ({"size_bytes": VIDEO_BYTES_MAX}, "parts"),
        ({"size_bytes": VIDEO_BYTES_MAX + 1}, "upload-too-large"),
        ({"size_bytes": 0}, "upload-too-large"),
        ({"content_type": "image/jpeg"}, "upload-too-large"),
        ({"content_type": "application/vnd.apple.mpegurl"}, "unsupported-media-type"),
    ],
)
async def test_a_size_decides_whether_an_upload_is_one_put_or_parts(
    ada: Person, declared: Json, answer: str
) -> None:
    response = await ada.ask("POST", "/v1/uploads", json=video(**declared))
    if answer in ("put", "parts"):
        assert response.status_code == 201
        assert {"put", "parts"} & response.json().keys() == {answer}
    else:
        assert problem(response) == (422, answer)


@pytest.mark.parametrize("content_type", VIDEO_TYPES)
async def test_every_type_of_video_may_be_uploaded(ada: Person, content_type: str) -> None:
    declared = video(content_type=content_type)
    assert (await ada.ask("POST", "/v1/uploads", json=declared)).status_code == 201


async def test_the_answer_says_how_to_cut_the_bytes(ada: Person) -> None:
    parts = (await ada.ask("POST", "/v1/uploads", json=video())).json()["parts"]
    assert parts == {"size_bytes": PART_BYTES, "count": COUNT, "arrived": []}
    assert part_sizes(SIZE) == {**dict.fromkeys((1, 2, 3), PART_BYTES), 4: SIZE - 3 * PART_BYTES}
    assert part_sizes(4 * PART_BYTES)[4] == PART_BYTES


async def test_a_large_upload_becomes_a_post(ada: Person, deps: Deps) -> None:
    media_id = await completed(ada, deps)
    response = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert response.status_code == 202
    [record] = [record async for record in deps.log.read("uploads")]
    assert isinstance(record.event, UploadFinalized)
    assert record.event.media_id == media_id


async def test_what_has_arrived_can_be_looked_up_to_go_on(ada: Person, deps: Deps) -> None:
    media_id = await begin(ada)
    await send(ada, deps, media_id, 3, 1)
    upload = (await ada.get(f"/v1/uploads/{media_id}")).json()
    assert (upload["complete"], upload["parts"]["arrived"]) == (False, [1, 3])
    await send(ada, deps, media_id, 2, 3, 4)
    assert (await ada.get(f"/v1/uploads/{media_id}")).json()["parts"]["arrived"] == [1, 2, 3, 4]


async def test_parts_are_signed_in_order_and_once_each(ada: Person) -> None:
    media_id = await begin(ada)
    signed = await sign(ada, media_id, 4, 2, 4)
    assert [one["number"] for one in signed] == [2, 4]
    assert signed[1]["put"]["headers"] == {
        "content-length": str(SIZE - 3 * PART_BYTES),
        "x-amz-checksum-sha256": SHA256,
    }


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ([COUNT], 200),
        ([1.0], 200),
        ([COUNT + 1], 422),
        ([0], 422),
        ([-1], 422),
        ([1.5], 422),
        (["1"], 422),
        ([], 422),
        ([1] * PARTS_MAX, 200),
        ([1] * (PARTS_MAX + 1), 422),
    ],
)
async def test_only_parts_that_there_are_can_be_sent(
    ada: Person, numbers: list[object], status: int
) -> None:
    path = f"/v1/uploads/{await begin(ada)}/parts"
    response = await ada.ask(
        "POST", path, json={"parts": [{"number": number, "sha256": SHA256} for number in numbers]}
    )
    assert response.status_code == status
    assert status == 200 or problem(response) == (422, "invalid-request")
    assert "float" not in response.text


async def test_completing_names_the_parts_that_are_missing_or_of_another_size(
    ada: Person, deps: Deps
) -> None:
    media_id = await begin(ada)
    await send(ada, deps, media_id, 1, 3)
    [second] = await sign(ada, media_id, 2)
    put(deps, second["put"], PART_BYTES - 1)
    response = await ada.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
    assert problem(response) == (409, "upload-incomplete")
    assert response.json()["detail"].endswith(": 2, 4")
    early = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert problem(early) == (409, "upload-incomplete")


async def test_completing_again_changes_nothing(ada: Person, deps: Deps) -> None:
    media_id = await completed(ada, deps)
    for _ in range(2):
        again = await ada.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
        assert again.status_code == 200
        assert again.json()["parts"]["arrived"] == [1, 2, 3, 4]
        await ada.ask("POST", "/v1/posts", json=single(media_id))  # neither before nor after
    assert (await ada.get(f"/v1/uploads/{media_id}")).json() == again.json()


async def test_what_is_a_post_was_complete_also_when_its_original_is_gone(
    ada: Person, deps: Deps
) -> None:
    media_id = await completed(ada, deps)
    await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert isinstance(deps.blobs, MemoryBlobs)
    deps.blobs.objects.clear()
    response = await ada.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
    assert (response.status_code, response.json()["complete"]) == (200, True)


async def test_nothing_can_be_sent_once_it_is_complete(ada: Person, deps: Deps) -> None:
    media_id = await begin(ada)
    signed = await sign(ada, media_id, 1)
    await send(ada, deps, media_id, *range(1, COUNT + 1))
    await ada.ask("POST", f"/v1/uploads/{media_id}/complete", json=ALL)
    assert not put(deps, signed[0]["put"], PART_BYTES)
    path = f"/v1/uploads/{media_id}/parts"
    response = await ada.ask("POST", path, json={"parts": [{"number": 1, "sha256": SHA256}]})
    assert problem(response) == (409, "upload-complete")
    assert response.json()["detail"] == "no part can be sent any more"


@pytest.mark.parametrize(
    "sha256s", [[WHOLE] * COUNT, [SHA256] * (COUNT - 1), [SHA256] * (COUNT + 1)]
)
async def test_other_parts_than_were_declared_are_not_put_together(
    ada: Person, deps: Deps, sha256s: list[str]
) -> None:
    media_id = await begin(ada)
    path = f"/v1/uploads/{media_id}"
    for number, size_bytes in part_sizes(SIZE).items():
        wanted = {"parts": [{"number": number, "sha256": sha256s[0]}]}
        signed = (await ada.ask("POST", f"{path}/parts", json=wanted)).json()["parts"]
        put(deps, signed[0]["put"], size_bytes)
    response = await ada.ask("POST", f"{path}/complete", json={"sha256s": sha256s})
    assert problem(response) == (409, "upload-mismatch")
    assert "the SHA-256 of the digests of all parts" in response.json()["detail"]
    assert response.json()["detail"].endswith("with the right one"), "all of it"
    await send(ada, deps, media_id, *range(1, COUNT + 1))
    assert (await ada.ask("POST", f"{path}/complete", json=ALL)).status_code == 200


@pytest.mark.parametrize(("count", "status"), [(0, 422), (PARTS_MAX, 404), (PARTS_MAX + 1, 422)])
async def test_no_more_digests_are_read_than_parts_can_be(
    ada: Person, count: int, status: int
) -> None:
    body = {"sha256s": [SHA256] * count}
    response = await ada.ask("POST", f"/v1/uploads/{NOBODYS}/complete", json=body)
    assert response.status_code == status


async def test_other_bytes_than_the_parts_declared_are_refused(ada: Person, deps: Deps) -> None:
    media_id = await completed(ada, deps)
    assert isinstance(deps.blobs, MemoryBlobs)
    [(key, (content, blob))] = deps.blobs.objects.items()
    other = type(blob)(blob.size_bytes, f"{SHA256}-{COUNT}")
    deps.blobs.objects[key] = content, other
    response = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert problem(response) == (409, "upload-mismatch")


@pytest.mark.parametrize(("method", "rest", "body"), CALLS)
async def test_only_its_owner_knows_of_an_upload(
    ada: Person, bob: Person, method: str, rest: str, body: Json | None
) -> None:
    for media_id in (await begin(bob), NOBODYS):
        response = await ada.ask(method, f"/v1/uploads/{media_id}{rest}", json=body)
        assert problem(response) == (404, "upload-not-found")
    response = await ada.ask(method, f"/v1/uploads/{NOBODYS.upper()}{rest}", json=body)
    assert problem(response) == (400, "invalid-id")


async def test_an_upload_that_is_one_put_has_no_parts(ada: Person) -> None:
    declared = (await ada.ask("POST", "/v1/uploads", json=declaration())).json()
    path = f"/v1/uploads/{declared['media_id']}"
    for rest, body in (CALLS[1][1:], CALLS[2][1:]):
        response = await ada.ask("POST", path + rest, json=body)
        assert problem(response) == (422, "invalid-request")
        assert response.json()["detail"] == "this upload has no parts: it arrives in one PUT"
    assert (await ada.get(path)).json() == {
        name: declared[name] for name in ("media_id", "expires_at", "complete")
    }
    assert (await ada.get(f"/v1/uploads/{await ada.upload()}")).json()["complete"] is True


class Raced(MemoryMultiparts):
    """Another request completes it at the same moment."""

    async def complete(
        self, key: str, multipart_id: str, parts: list[Part], sha256s: list[str]
    ) -> bool:
        await super().complete(key, multipart_id, parts, sha256s)
        return await super().complete(key, multipart_id, parts, sha256s)


async def test_two_requests_may_complete_it_at_once(ada: Person, deps: Deps) -> None:
    assert isinstance(deps.blobs, MemoryBlobs)
    raced = dataclasses.replace(deps, multiparts=Raced(deps.blobs))
    async with serving(raced) as http:
        ada.http = http
        await completed(ada, raced)
