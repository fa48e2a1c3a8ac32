"""What nobody finalizes is forgotten by Cassandra itself; what is a post is kept for good."""

from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from instastream.deps import now_ms
from instastream.ids import MediaId, PostId, UserId
from instastream.limits import DECLARED_KEPT_S
from instastream.settings import Settings
from instastream.stores.cassandra.session import open_session
from instastream.stores.cassandra.uploads import CassandraUploads
from instastream.stores.memory import MemoryUploads
from instastream.stores.uploads import ABORTED, Claim, Upload

TTLS = "SELECT TTL(user_id) AS declared, TTL(post_id) AS claimed FROM uploads WHERE media_id = ?"
FOR_GOOD = "INSERT INTO uploads (media_id, user_id, declared_ms) VALUES (?, 1, 1)"  # of before
CLAIM = Claim(PostId("1998765432101234567"), "digest")


def declared(user: UserId) -> Upload:
    return Upload(
        media_id=MediaId(str(uuid4())),
        user_id=user,
        content_type="image/jpeg",
        size_bytes=5,
        sha256="",
        declared_ms=now_ms(),
    )


@pytest.mark.parametrize("known", [False, True], ids=["of-before", "declared"])
async def test_cassandra_keeps_what_a_post_claimed_and_forgets_the_rest(
    settings: Settings, user: UserId, known: bool
) -> None:
    async with open_session(settings) as session:
        uploads = CassandraUploads(session)
        for claim in (None, CLAIM, ABORTED):
            upload = declared(user)
            media_id = UUID(upload.media_id)
            if known:
                await uploads.declare(upload)
            else:
                await session.execute(FOR_GOOD, media_id)
            if claim:
                assert await uploads.claim(upload, claim) == claim
            [row] = await session.execute(TTLS, media_id)
            ends = [ttl and DECLARED_KEPT_S - 60 < ttl <= DECLARED_KEPT_S for ttl in row]
            match claim:
                case None:
                    assert ends == [True if known else None, None]
                case Claim() if claim == ABORTED:
                    assert ends == [True, True], "all of it at once"
                case _:
                    assert ends == [None, None]


async def test_in_memory_it_is_forgotten_as_late(user: UserId) -> None:
    begun_ms = at_ms = now_ms()
    uploads = MemoryUploads(lambda: at_ms)
    never, aborted, posted = (replace(declared(user), declared_ms=begun_ms) for _ in range(3))
    for upload in (never, aborted, posted):
        await uploads.declare(upload)
    await uploads.claim(aborted, ABORTED)
    await uploads.claim(posted, CLAIM)
    at_ms = begun_ms + DECLARED_KEPT_S * 1000
    assert await uploads.get(never.media_id) == never
    at_ms += 1
    assert [await uploads.get(one.media_id) for one in (never, aborted)] == [None, None]
    assert await uploads.claim(never, CLAIM) == ABORTED
    standing = await uploads.get(posted.media_id)
    assert standing is not None
    assert standing.claim == CLAIM
