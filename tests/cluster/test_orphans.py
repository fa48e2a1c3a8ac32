"""What nobody needs any more goes from the real object store; what somebody needs stays."""

import asyncio
import dataclasses
import json
from secrets import token_bytes, token_hex

from instastream import media
from instastream.deps import open_deps
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.orphans import sweep_uploads
from instastream.sweeping.missing import find_missing
from instastream.sweeping.objects import find_orphans
from instastream.uploads import ORIGINALS
from tests.cluster.conftest import System, eventually, photo, post
from tests.cluster.test_cli import run

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


async def test_a_sweep_tells_what_is_left_over_and_what_is_missing(system: System) -> None:
    ada = await system.join("ada")
    shown = await post(ada, photo())
    root = media.root_of(token_hex(16), private=False)
    orphan = media.object_key(media.folder_in(root, 0), "full")

    async def ready() -> bool:
        return bool((await ada.post(shown["id"]))["status"] == "ready")

    await eventually(ready, "the post is ready")
    async with open_deps(system.settings) as deps:
        await deps.blobs.put(orphan, b"lost", content_type="image/webp")
        [kept] = (await deps.posts.get([shown["id"]]))[shown["id"]].media
        assert kept.rendered is not None
        missing = kept.rendered.variants[0].key
        content = await deps.blobs.get(missing)
        assert await find_missing([shown["id"]], deps) == []
        await deps.blobs.delete([missing])
        await asyncio.sleep(2 * system.settings.media_grace_s)
        page = await deps.blobs.list(f"{root}/")
        told = json.loads(run("sweep", "--dry-run", "--json", **system.environ).stdout)
        await deps.blobs.put(missing, content, content_type="image/webp")
        found = {(one["kind"], one["of"]): one for one in told["findings"]}
        assert found["dangling", shown["id"]]["why"] == missing
        assert ("stuck", shown["id"]) not in found
        if await deps.blobs.list(f"{root}/"):  # else a worker has reclaimed it, or is about to
            [one] = [one for (_, of), one in found.items() if of == root]
            assert one["kind"] in {"orphan", "unneeded-media"}
            assert one["size_bytes"] == len(b"lost")
        await find_orphans(page, deps)

        async def gone() -> bool:
            return not await deps.blobs.list(f"{root}/")

        await eventually(gone, "the ledger worker has reclaimed it")
