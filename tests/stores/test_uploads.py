"""The contract of Uploads."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from msgspec.structs import replace

from instastream.deps import Deps, now_ms
from instastream.ids import MediaId, PostId, UserId
from instastream.stores.uploads import ABORTED, Claim, Request, Upload


@pytest.fixture
def upload(user: UserId) -> Upload:
    return Upload(
        media_id=MediaId(str(uuid4())),
        user_id=user,
        content_type="image/jpeg",
        size_bytes=5,
        sha256="LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        declared_ms=now_ms(),
    )


async def test_what_was_declared_can_be_read(deps: Deps, upload: Upload) -> None:
    assert await deps.uploads.get(upload.media_id) is None
    await deps.uploads.declare(upload)
    assert await deps.uploads.get(upload.media_id) == upload


async def test_what_was_declared_in_parts_can_be_read(deps: Deps, upload: Upload) -> None:
    in_parts = replace(upload, multipart_id="an id", sha256=f"{upload.sha256}-2")
    await deps.uploads.declare(in_parts)
    assert await deps.uploads.get(upload.media_id) == in_parts


async def test_an_upload_is_claimed_or_aborted_for_good(
    deps: Deps, upload: Upload, post_ids: list[PostId]
) -> None:
    await deps.uploads.declare(upload)
    for claim in (ABORTED, Claim(post_ids[0], "digest"), ABORTED):
        assert await deps.uploads.claim(upload, claim) == ABORTED
    assert await deps.uploads.get(upload.media_id) == replace(upload, claim=ABORTED)


async def test_of_many_claims_at_once_one_stands(
    deps: Deps, upload: Upload, post_ids: list[PostId]
) -> None:
    await deps.uploads.declare(upload)
    claims = [Claim(post_id, "digest") for post_id in post_ids]
    standing = await asyncio.gather(*(deps.uploads.claim(upload, claim) for claim in claims))
    assert len(set(standing)) == 1
    assert await deps.uploads.get(upload.media_id) == replace(upload, claim=standing[0])


async def test_an_idempotency_key_is_bound_to_its_first_request(deps: Deps, user: UserId) -> None:
    remember = deps.uploads.remember
    first, second = Request("first", '{"a": "result"}'), Request("second")
    assert await remember(user_id=user, key="k", request=first) == first
    for later in (second, Request("first", "another result")):
        assert await remember(user_id=user, key="k", request=later) == first
    assert await remember(user_id=user, key="other", request=second) == second
    assert await remember(user_id=user, key="other", request=first) == second


async def test_what_a_key_is_bound_to_is_recalled_by_its_user(deps: Deps, user: UserId) -> None:
    request = Request("first", '{"a": "result"}')
    assert await deps.uploads.recall(user_id=user, key="k") is None
    await deps.uploads.remember(user_id=user, key="k", request=request)
    await deps.uploads.remember(user_id=user, key="k", request=Request("second"))
    assert await deps.uploads.recall(user_id=user, key="k") == request
    assert await deps.uploads.recall(user_id=user, key="other") is None
    assert await deps.uploads.recall(user_id=UserId("1"), key="k") is None


async def test_uploads_are_open_until_they_are_closed_or_their_time_is_over(
    deps: Deps, upload: Upload
) -> None:
    upload = replace(upload, declared_ms=1_000)
    other = replace(upload, media_id=MediaId(str(uuid4())))
    opened = partial(deps.uploads.opened, upload.user_id)
    assert await opened(now_ms=1_000) == {}
    for _ in range(2):
        await deps.uploads.open(upload, until_ms=61_000)
        await deps.uploads.open(other, until_ms=62_000)
        assert await opened(now_ms=61_000) == {upload.media_id: 61_000, other.media_id: 62_000}
    assert await opened(now_ms=61_001) == {other.media_id: 62_000}
    assert await opened(now_ms=62_001) == {}
    for _ in range(2):
        await deps.uploads.close(upload)
        assert await opened(now_ms=1_000) == {other.media_id: 62_000}
    assert await deps.uploads.opened(UserId("1"), now_ms=1_000) == {}


async def test_each_sweep_goes_on_where_one_before_it_came_to(deps: Deps) -> None:
    one, other = f"unit/{uuid4()}", f"unit/{uuid4()}"
    assert await deps.uploads.last_swept(one) == ""
    for place in ("uploads/1/a", "uploads/2/b", ""):
        await deps.uploads.record_swept(one, place)
        assert await deps.uploads.last_swept(one) == place
    await deps.uploads.record_swept(other, "here")
    assert (await deps.uploads.last_swept(one), await deps.uploads.last_swept(other)) == (
        "",
        "here",
    )


async def test_what_nobody_claimed_in_time_can_be_claimed_by_nobody(
    deps: Deps, upload: Upload, post_ids: list[PostId]
) -> None:
    assert await deps.uploads.claim(upload, Claim(post_ids[0], "digest")) == ABORTED
    assert await deps.uploads.get(upload.media_id) is None
