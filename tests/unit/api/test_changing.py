"""Posts of several media, other words for them, and taking them back."""

import pytest

from instastream.deps import Deps
from instastream.events import PostDeleted, PostEdited, Record
from instastream.limits import ALT_TEXT_LENGTH_MAX, CAPTION_LENGTH_MAX, MEDIA_MAX
from instastream.log import Appended, EventLog
from instastream.stores.memory import MemoryLog
from tests.unit.api.conftest import (
    NOBODYS,
    DownLog,
    Json,
    Person,
    make_ready,
    problem,
    serving,
    single,
)


def of(media_ids: list[str], **words: object) -> Json:
    """What makes these uploads a post."""
    return {"media": [{"media_id": media_id} for media_id in media_ids]} | words


def describing(media_id: str, **words: object) -> Json:
    """What puts other words to one media."""
    return {"media": [{"media_id": media_id} | words]}


async def said(log: EventLog, topic: str) -> int:
    return len([record async for record in log.read(topic)])


@pytest.mark.parametrize(
    ("count", "status"), [(0, 422), (1, 202), (MEDIA_MAX, 202), (MEDIA_MAX + 1, 422)]
)
async def test_a_post_has_one_to_ten_media_in_the_order_given(
    ada: Person, count: int, status: int
) -> None:
    media_ids = [await ada.upload() for _ in range(count)]
    response = await ada.ask("POST", "/v1/posts", json=of(media_ids, caption="words"))
    assert response.status_code == status
    if status == 202:
        assert [media["id"] for media in response.json()["media"]] == media_ids
    else:
        assert response.json()["errors"][0]["pointer"] == "#/media"


async def test_the_longest_words_that_are_allowed_fit_in_a_request(ada: Person) -> None:
    flower = "\U0001f33c"
    media = [
        {"media_id": await ada.upload(), "alt_text": flower * ALT_TEXT_LENGTH_MAX}
        for _ in range(MEDIA_MAX)
    ]
    body = {"media": media, "caption": flower * CAPTION_LENGTH_MAX}  # sent as \\ud83c\\udf3c
    assert (await ada.ask("POST", "/v1/posts", json=body)).status_code == 202


async def test_an_upload_is_in_a_post_once(ada: Person) -> None:
    media_id = await ada.upload()
    response = await ada.ask("POST", "/v1/posts", json=of([media_id, media_id]))
    assert problem(response) == (422, "invalid-request")
    assert (await ada.ask("POST", "/v1/posts", json=of([media_id]))).status_code == 202


async def test_one_upload_that_is_missing_takes_none_of_the_others(ada: Person) -> None:
    here = await ada.upload()
    response = await ada.ask("POST", "/v1/posts", json=of([here, NOBODYS]))
    assert problem(response) == (404, "upload-not-found")
    assert (await ada.ask("POST", "/v1/posts", json=of([here]))).status_code == 202


async def test_one_upload_that_is_used_already_takes_none_of_the_others(ada: Person) -> None:
    fresh, used = await ada.upload(), await ada.upload()
    await ada.ask("POST", "/v1/posts", json=of([used]))
    response = await ada.ask("POST", "/v1/posts", json=of([fresh, used]))
    assert problem(response) == (409, "upload-already-used")
    assert (await ada.ask("POST", "/v1/posts", json=of([fresh]))).status_code == 202


async def test_a_carousel_that_kafka_took_in_part_is_completed_by_repeating_it(
    ada: Person, deps: Deps
) -> None:
    body = of([await ada.upload() for _ in range(3)], caption="words")
    async with serving(deps, log=DownLog(keeps=True)) as http:
        response = await http.post("/v1/posts", json=body, headers=ada.headers)
        assert problem(response) == (503, "unavailable")
    first = (await ada.ask("POST", "/v1/posts", json=body)).json()
    again = (await ada.ask("POST", "/v1/posts", json=body)).json()
    assert first == again
    assert len(first["media"]) == 3
    assert await said(deps.log, "uploads") == 3


async def test_other_words_are_put_to_a_post_and_the_rest_stays(ada: Person, deps: Deps) -> None:
    media_ids = [await ada.upload() for _ in range(2)]
    post = (await ada.ask("POST", "/v1/posts", json=of(media_ids, caption="words"))).json()
    path = f"/v1/posts/{post['id']}"
    edit = describing(media_ids[1], alt_text="a field")
    edited = (await ada.ask("PATCH", path, json=edit)).json()
    assert [media["alt_text"] for media in edited["media"]] == ["", "a field"]
    assert edited["caption"] == "words"
    edited = (await ada.ask("PATCH", path, json={"caption": ""})).json()
    assert edited == (await ada.get(path)).json()
    assert [media["alt_text"] for media in edited["media"]] == ["", "a field"]
    assert edited["caption"] == ""
    assert await said(deps.log, "posts") == 2


@pytest.mark.parametrize(
    ("edit", "pointer"),
    [
        ({"caption": "c" * (CAPTION_LENGTH_MAX + 1)}, "#/caption"),
        ({"caption": None}, "#/caption"),
        (
            {"media": [{"media_id": NOBODYS, "alt_text": "a" * (ALT_TEXT_LENGTH_MAX + 1)}]},
            "#/media/0/alt_text",
        ),
        ({"media": [{"media_id": NOBODYS}]}, "#/media/0/alt_text"),
        ({"media": [{"media_id": NOBODYS, "alt_text": "", "size": 1}]}, "#/media/0/size"),
        ({"media": [{"media_id": NOBODYS, "alt_text": ""}]}, None),
    ],
)
async def test_words_that_can_not_be_put_to_a_post_are_refused(
    ada: Person, deps: Deps, edit: Json, pointer: str | None
) -> None:
    post = await ada.post()
    response = await ada.ask("PATCH", f"/v1/posts/{post['id']}", json=edit)
    assert problem(response) == (422, "invalid-request")
    assert pointer is None or response.json()["errors"][0]["pointer"] == pointer
    assert await said(deps.log, "posts") == 0


async def test_a_deleted_post_is_gone_for_everyone_and_for_good(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    media_id = await ada.upload()
    post = (await ada.ask("POST", "/v1/posts", json=single(media_id))).json()
    await make_ready(post, deps)
    path = f"/v1/posts/{post['id']}"
    assert (await bob.get("/v1/feed")).json()["posts"] != []
    for _ in range(2):
        assert (await ada.ask("DELETE", path)).status_code == 204
    for reader in (ada, bob):
        assert problem(await reader.get(path)) == (404, "post-not-found")
        for listed in ("/v1/feed", f"/v1/users/{ada.id}/posts"):
            assert (await reader.get(listed)).json()["posts"] == []
    assert problem(await ada.ask("PATCH", path, json={"caption": "x"})) == (404, "post-not-found")
    again = await ada.ask("POST", "/v1/posts", json=single(media_id))
    assert problem(again) == (409, "upload-already-used")
    assert await said(deps.log, "posts") == 1


class DeletedAtOnce(MemoryLog):
    """Another request deletes the post while this one is appended."""

    def __init__(self, deps: Deps) -> None:
        super().__init__()
        self._deps = deps

    async def append(self, event: Appended) -> Record[Appended]:
        assert isinstance(event, PostEdited)
        gone = PostDeleted(post_id=event.post_id, author_id=event.author_id, at_ms=event.at_ms)
        await self._deps.posts.record_deleted(gone)
        return await super().append(event)


async def test_a_post_that_is_deleted_while_it_is_edited_is_gone(ada: Person, deps: Deps) -> None:
    post = await ada.post()
    async with serving(deps, log=DeletedAtOnce(deps)) as http:
        path = f"/v1/posts/{post['id']}"
        response = await http.patch(path, json={"caption": "late"}, headers=ada.headers)
    assert problem(response) == (404, "post-not-found")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_only_its_author_changes_a_post(
    ada: Person, bob: Person, deps: Deps, method: str
) -> None:
    body: Json = {"json": {}} if method == "PATCH" else {}
    waiting, ready = await ada.post(), await make_ready(await ada.post(), deps)
    response = await bob.ask(method, f"/v1/posts/{waiting['id']}", **body)
    assert problem(response) == (404, "post-not-found"), "as when looked at"
    response = await bob.ask(method, f"/v1/posts/{ready['id']}", **body)
    assert problem(response) == (403, "not-your-post")
    assert await said(deps.log, "posts") == 0
