"""Uploads that nobody needs any more go from the real object store; those of failed posts stay."""

import dataclasses
from secrets import token_bytes

from instastream.deps import open_deps
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.orphans import sweep_uploads
from instastream.uploads import ORIGINALS
from tests.cluster.conftest import System, eventually, photo

LATER_MS = 3 * (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000


async def test_what_is_put_again_or_never_finalized_goes(system: System) -> None:
    ada = await system.join("ada")
    content, broken = photo(), b"\xff\xd8\xff" + token_bytes(64)
    declared = await ada.declare(content, "image/jpeg")
    await ada.put(declared["put"], content)
    posts = [await ada.finalize(declared["media_id"], caption="")]
    failed = await ada.upload(broken, "image/jpeg")
    posts.append(await ada.finalize(failed.media_id, caption=""))

    async def done() -> bool:
        statuses = [(await ada.post(post["id"]))["status"] for post in posts]
        return statuses == ["ready", "failed"]

    await eventually(done, "one post ready and one failed")
    await ada.put(declared["put"], content)
    never = await ada.upload(photo(), "image/jpeg")
    async with open_deps(system.settings) as deps:
        prefix = f"{ORIGINALS}{ada.user_id}/"

        async def there() -> set[str]:
            return {one.key.removeprefix(prefix) for one in await deps.blobs.list(prefix)}

        assert await there() == {declared["media_id"], failed.media_id, never.media_id}
        await sweep_uploads(deps)
        assert await there() == {declared["media_id"], failed.media_id, never.media_id}
        later = dataclasses.replace(deps, now_ms=lambda: deps.now_ms() + LATER_MS)
        await sweep_uploads(later)
        assert await there() == {failed.media_id}
    assert (await ada.post(posts[0]["id"]))["status"] == "ready"
