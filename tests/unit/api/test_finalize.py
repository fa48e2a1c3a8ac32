"""From a declared upload to a post: every way it can go wrong, and that it goes right once."""

import asyncio
from datetime import datetime

import pytest

from instastream.deps import Deps
from instastream.events import MediaFailed, Record, UploadFinalized
from instastream.handlers.posts import record_failed
from instastream.ids import MediaId, PostId
from instastream.limits import (
    ALT_TEXT_LENGTH_MAX,
    CAPTION_LENGTH_MAX,
    IMAGE_BYTES_MAX,
    MEDIA_MAX,
    UPLOAD_GRACE_S,
    UPLOAD_TTL_S,
)
from instastream.stores.blobs import Blob
from instastream.stores.memory import MemoryBlobs, MemoryUploads
from instastream.uploads import MEDIA_TYPES, original_key
from tests.unit.api.conftest import (
    NOBODYS,
    NOW_MS,
    PHOTO,
    DownLog,
    Person,
    declaration,
    problem,
    serving,
    single,
)


async def test_an_upload_is_a_place_for_exactly_what_was_declared(ada: Person, deps: Deps) -> None:
    response = await ada.ask("POST", "/v1/uploads", json=declaration())
    assert response.status_code == 201
    answer = response.json()
    assert answer["put"]["method"] == "PUT"
    assert answer["put"]["headers"]["content-length"] == str(len(PHOTO))
    left_ms = datetime.fromisoformat(answer["expires_at"]).timestamp() * 1000 - deps.now_ms()
    assert 0 <= UPLOAD_TTL_S * 1000 - left_ms < 60_000


@pytest.mark.parametrize(
    ("declared", "status", "slug"),
    [
        ({"size_bytes": 0}, 422, "upload-too-large"),
        ({"size_bytes": -1}, 422, "upload-too-large"),
        ({"size_bytes": 1}, 201, ""),
        ({"size_bytes": IMAGE_BYTES_MAX}, 201, ""),
        ({"size_bytes": IMAGE_BYTES_MAX + 1}, 422, "upload-too-large"),
        ({"size_bytes": 10**40}, 422, "upload-too-large"),
        ({"size_bytes": 25.0}, 201, ""),
        ({"size_bytes": 25.5}, 422, "invalid-request"),
        ({"size_bytes": "25"}, 422, "invalid-request"),
        ({"size_bytes": None}, 422, "invalid-request"),
        ({"size_bytes": True}, 422, "invalid-request"),
        ({"content_type": "image/svg+xml"}, 422, "unsupported-media-type"),
        ({"content_type": "text/html"}, 422, "unsupported-media-type"),
        ({"content_type": ""}, 422, "unsupported-media-type"),
        ({"sha256": "x"}, 422, "invalid-request"),
        ({"sha256": "A" * 42 + "B="}, 422, "invalid-request"),  # 32 bytes, written another way
        ({"sha256": "A" * 43 + "=\n"}, 422, "invalid-request"),
        ({"checksum": "x"}, 422, "invalid-request"),
    ],
)
async def test_what_may_not_be_uploaded_is_refused_before_a_byte_moves(
    ada: Person, declared: dict[str, object], status: int, slug: str
) -> None:
    response = await ada.ask("POST", "/v1/uploads", json=declaration() | declared)
    assert response.status_code == status
    assert not slug or problem(response) == (status, slug)


@pytest.mark.parametrize("content_type", MEDIA_TYPES)
async def test_every_type_of_media_may_be_uploaded(ada: Person, content_type: str) -> None:
    declared = declaration() | {"content_type": content_type}
    assert (await ada.ask("POST", "/v1/uploads", json=declared)).status_code == 201


@pytest.mark.parametrize("missing", ["content_type", "size_bytes", "sha256"])
async def test_what_is_not_declared_is_named(ada: Person, missing: str) -> None:
    declared = {name: value for name, value in declaration().items() if name != missing}
    response = await ada.ask("POST", "/v1/uploads", json=declared)
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"] == [
        {"detail": f"{missing}: is missing", "pointer": f"#/{missing}"}
    ]


async def test_finalizing_makes_a_post_that_its_author_sees_at_once(ada: Person) -> None:
    media_id = await ada.upload()
    body = single(media_id, caption="one\ntwo \U0001f33c", alt_text="dandelions")
    response = await ada.ask("POST", "/v1/posts", json=body)
    assert response.status_code == 202
    post = response.json()
    [media] = post["media"]
    assert (post["status"], post["caption"]) == ("processing", "one\ntwo \U0001f33c")
    assert (media["id"], media["kind"]) == (media_id, "image")
    assert (media["alt_text"], media["images"], media["image"]) == ("dandelions", {}, None)
    assert "failure" not in post
    seen = await ada.get(response.headers["location"])
    assert seen.json() == post


async def test_finalizing_again_answers_the_same_post_and_says_it_once(
    ada: Person, deps: Deps
) -> None:
    body = single(await ada.upload(), caption="words")
    first = await ada.ask("POST", "/v1/posts", json=body)
    again = await ada.ask("POST", "/v1/posts", json=body)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len([record async for record in deps.log.read("uploads")]) == 1


@pytest.mark.parametrize(("store", "call"), [(MemoryUploads, "get"), (MemoryBlobs, "head")])
async def test_all_uploads_of_a_post_are_asked_for_at_once(
    ada: Person, monkeypatch: pytest.MonkeyPatch, store: type, call: str
) -> None:
    uploads = [{"media_id": await ada.upload()} for _ in range(MEDIA_MAX)]
    works, together = getattr(store, call), asyncio.Barrier(MEDIA_MAX)

    async def meet(*arguments: object) -> object:
        async with asyncio.timeout(20):
            await together.wait()
        return await works(*arguments)

    monkeypatch.setattr(store, call, meet)
    finalized = await ada.ask("POST", "/v1/posts", json={"caption": "", "media": uploads})
    assert finalized.status_code == 202


async def test_an_upload_becomes_one_post_only(ada: Person) -> None:
    media_id = await ada.upload()
    await ada.ask("POST", "/v1/posts", json=single(media_id))
    other = await ada.ask("POST", "/v1/posts", json=single(media_id, caption="other"))
    assert problem(other) == (409, "upload-already-used")


async def test_finalizing_before_the_put_is_refused_and_can_be_repeated(
    ada: Person, deps: Deps
) -> None:
    declared = await ada.ask("POST", "/v1/uploads", json=declaration())
    media_id = declared.json()["media_id"]
    headers = {"idempotency-key": "one"}
    early = await ada.ask("POST", "/v1/posts", json=single(media_id), headers=headers)
    assert problem(early) == (409, "upload-missing")
    _arrive(deps, ada, media_id, Blob(len(PHOTO), declaration()["sha256"]))
    later = await ada.ask("POST", "/v1/posts", json=single(media_id), headers=headers)
    assert later.status_code == 202


@pytest.mark.parametrize(
    "arrived",
    [
        Blob(len(PHOTO) + 1, None),
        Blob(len(PHOTO), declaration(b"other")["sha256"]),
    ],
)
async def test_other_bytes_than_declared_are_refused(
    ada: Person, deps: Deps, arrived: Blob
) -> None:
    declared = await ada.ask("POST", "/v1/uploads", json=declaration())
    media_id = declared.json()["media_id"]
    _arrive(deps, ada, media_id, arrived)
    response = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert problem(response) == (409, "upload-mismatch")


async def test_anothers_upload_looks_like_none(ada: Person, bob: Person) -> None:
    media_id = await bob.upload()
    for unknown in (media_id, NOBODYS):
        response = await ada.ask("POST", "/v1/posts", json=single(unknown))
        assert problem(response) == (404, "upload-not-found")


@pytest.mark.parametrize(("late_ms", "status"), [(-1_000, 202), (1_000, 410)])
async def test_an_upload_expires(ada: Person, deps: Deps, late_ms: int, status: int) -> None:
    media_id = await ada.upload()
    at_ms = deps.now_ms() + UPLOAD_GRACE_S * 1000 + late_ms
    token = deps.signer.sign(ada.id, now_ms=at_ms)
    async with serving(deps, now_ms=lambda: at_ms) as http:
        response = await http.post(
            "/v1/posts",
            json=single(media_id),
            headers={"authorization": f"Bearer {token}"},
        )
    assert response.status_code == status
    assert status == 202 or problem(response) == (410, "upload-expired")


@pytest.mark.parametrize(
    ("late_ms", "answer"), [(0, (409, "upload-missing")), (1, (410, "upload-expired"))]
)
async def test_an_upload_that_can_no_longer_be_put_has_expired(
    ada: Person, deps: Deps, late_ms: int, answer: tuple[int, str]
) -> None:
    begun_ms = deps.now_ms()
    async with serving(deps, now_ms=lambda: begun_ms) as http:
        declared = await http.post("/v1/uploads", json=declaration(), headers=ada.headers)
    at_ms = begun_ms + UPLOAD_TTL_S * 1000 + late_ms
    async with serving(deps, now_ms=lambda: at_ms) as http:
        response = await http.post(
            "/v1/posts", json=single(declared.json()["media_id"]), headers=ada.headers
        )
    assert problem(response) == answer


@pytest.mark.parametrize("media_id", ["", "x", NOBODYS.upper(), NOBODYS + "\n", f"{{{NOBODYS}}}"])
async def test_a_media_id_that_is_none_is_refused(ada: Person, media_id: str) -> None:
    response = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"][0]["pointer"] == "#/media/0/media_id"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"caption": "\U0001f33c" * CAPTION_LENGTH_MAX}, 202),
        ({"caption": "c" * (CAPTION_LENGTH_MAX + 1)}, 422),
        ({"alt_text": "\U0001f33c" * ALT_TEXT_LENGTH_MAX}, 202),
        ({"alt_text": "a" * (ALT_TEXT_LENGTH_MAX + 1)}, 422),
        ({"caption": "tab\t, break\r\n"}, 202),
        ({"caption": "\0"}, 422),
        ({"alt_text": "\x1b[31m"}, 422),
        ({"caption": "\x7f"}, 422),
        ({"caption": "\x9b31m"}, 422),
        ({"caption": None}, 422),
        ({"caption": 1}, 422),
    ],
)
async def test_words_are_text_within_limits(
    ada: Person, words: dict[str, object], status: int
) -> None:
    body = single(await ada.upload(), **words)
    response = await ada.ask("POST", "/v1/posts", json=body)
    assert response.status_code == status
    if status == 422:
        assert problem(response) == (422, "invalid-request")
        pointer = response.json()["errors"][0]["pointer"]
        assert pointer == ("#/media/0/alt_text" if "alt_text" in words else "#/caption")


@pytest.mark.parametrize("kept", [False, True])
async def test_without_kafka_it_is_503_and_retrying_gives_one_post(
    ada: Person, deps: Deps, kept: bool
) -> None:
    body = single(await ada.upload(), caption="words")
    down = DownLog(keeps=kept)
    async with serving(deps, log=down) as http:
        for _ in range(2):
            response = await http.post("/v1/posts", json=body, headers=ada.headers)
            assert problem(response) == (503, "unavailable")
            assert int(response.headers["retry-after"]) > 0
            assert "10.1.2.3" not in response.text
    assert (await ada.get(f"/v1/users/{ada.id}/posts")).json()["posts"] == []
    post = (await ada.ask("POST", "/v1/posts", json=body)).json()
    assert [p["id"] for p in (await ada.get(f"/v1/users/{ada.id}/posts")).json()["posts"]] == [
        post["id"]
    ]
    kept_events = [record.event async for record in down.read("uploads")]
    said = {event.post_id for event in kept_events if isinstance(event, UploadFinalized)}
    assert said <= {post["id"]}


async def test_only_its_owner_reads_why_a_post_failed(ada: Person, bob: Person, deps: Deps) -> None:
    post = await ada.post()
    event = MediaFailed(
        media_id=MediaId(NOBODYS),
        post_id=PostId(post["id"]),
        author_id=ada.id,
        reason="unreadable-image",
        detail="these bytes are not an image",
        at_ms=NOW_MS,
    )
    await record_failed(Record(event, 0, 0), deps)
    seen = (await ada.get(f"/v1/posts/{post['id']}")).json()
    assert seen["status"] == "failed"
    assert seen["failure"] == {
        "reason": "unreadable-image",
        "detail": "these bytes are not an image",
    }
    assert problem(await bob.get(f"/v1/posts/{post['id']}")) == (404, "post-not-found")
    assert (await bob.get(f"/v1/users/{ada.id}/posts")).json()["posts"] == []


def _arrive(deps: Deps, owner: Person, media_id: str, blob: Blob) -> None:
    assert isinstance(deps.blobs, MemoryBlobs)
    deps.blobs.objects[original_key(owner.id, MediaId(media_id))] = (PHOTO, blob)
