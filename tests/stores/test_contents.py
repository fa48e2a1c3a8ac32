"""What tables hold: what can be seen of them, and nothing of how it came there."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest_asyncio

from instastream.deps import Deps, open_deps
from instastream.events import FollowApproved, FollowDenied, Record, UserBlocked, UserUnblocked
from instastream.ids import PostId
from instastream.rebuilding.digesting import Digest, digests
from instastream.rebuilding.projections import named
from instastream.relations import wall_of
from instastream.settings import Settings
from instastream.steps import ignore
from instastream.stores.cassandra.contents import CassandraContents
from instastream.stores.cassandra.session import Session
from instastream.stores.counters import Place
from instastream.stores.graph import bucket_of
from tests.stores.conftest import new_id
from tests.stores.counter_breaking import CassandraHand
from tests.stores.test_audits import marks
from tests.stores.test_graph import a_user, follow, request, tell, unfollow
from tests.stores.test_posts import finalized, ready

CHANGED_AGAIN = """UPDATE followers SET revision = 9 WHERE followee_id = ? AND bucket = ?
    IF revision = 1"""

MISCOUNT = """UPDATE followers SET count = 7 WHERE followee_id = ? AND bucket = ?
    IF revision = 1"""


@pytest_asyncio.fixture
async def real(settings: Settings) -> AsyncIterator[Deps]:
    async with open_deps(settings) as deps:
        yield deps


async def digested(session: Session, name: str) -> dict[str, Digest]:
    found = await digests(named(name), CassandraContents(session), parts=2, report=ignore)
    return {one.table: one for one in found}


async def test_an_edge_that_ended_is_as_if_it_never_was(session: Session, real: Deps) -> None:
    before = await digested(session, "graph")
    one, other = a_user(), a_user()
    await follow(real, one, other, 0)
    following = await digested(session, "graph")
    assert {table for table in before if before[table] != following[table]} == {
        "following",
        "followers",
    }
    await unfollow(real, one, other, 1)
    assert await digested(session, "graph") == before


async def test_how_often_a_bucket_of_followers_changed_is_not_in_it(
    session: Session, real: Deps
) -> None:
    one, other = a_user(), a_user()
    await follow(real, one, other, 7)
    once = await digested(session, "graph")
    changed = await session.execute_once(CHANGED_AGAIN, int(other), bucket_of(one))
    assert changed.applied
    assert await digested(session, "graph") == once
    await follow(real, one, other, 8)
    assert (await digested(session, "graph"))["followers"] != once["followers"]


async def test_a_request_counts_until_it_is_answered(session: Session, real: Deps) -> None:
    one, other, third = a_user(), a_user(), a_user()
    before = (await digested(session, "graph"))["requests"]
    await request(real, one, third, 0)
    await request(real, other, third, 1)
    assert (await digested(session, "graph"))["requests"].rows == before.rows + 2
    for answer, follower, asked in ((FollowApproved, one, 0), (FollowDenied, other, 1)):
        said = answer(follower_id=follower, followee_id=third, request=asked, at_ms=1)
        await tell(real, said, 5)
    assert (await digested(session, "graph"))["requests"] == before


async def test_a_wall_that_is_down_is_as_if_it_never_stood(session: Session, real: Deps) -> None:
    before = await digested(session, "graph")
    one, other = a_user(), a_user()
    block = UserBlocked(blocker_id=one, blocked_id=other, at_ms=1)
    await real.graph.record_wall(wall_of(Record(block, 0, 0), epoch=0))
    standing = await digested(session, "graph")
    assert standing["walls"].rows == before["walls"].rows + 2
    unblock = UserUnblocked(blocker_id=one, blocked_id=other, at_ms=1)
    await real.graph.record_wall(wall_of(Record(unblock, 0, 1), epoch=0))
    assert await digested(session, "graph") == before


async def test_every_word_of_a_post_is_in_it(session: Session, real: Deps) -> None:
    post_id, author = PostId(new_id()), a_user()
    seen = [await digested(session, "posts")]
    for record in (
        real.posts.record_finalized(finalized(post_id, author)),
        real.posts.record_ready(ready(post_id, author)),
        real.posts.record_celebrity(author),
    ):
        await record
        seen.append(await digested(session, "posts"))
    changed = [
        {table for table in before if before[table] != after[table]}
        for before, after in pairwise(seen)
    ]
    assert changed == [{"posts", "posts_by_author"}, {"posts"}, {"celebrities"}]


async def test_members_of_a_counter_and_their_list_are_in_it(session: Session, real: Deps) -> None:
    place = Place(new_id())
    before = await digested(session, "likes")
    await real.likes.apply({place: marks([(1, True), (2, True)])})
    both = await digested(session, "likes")
    assert both["likes"].rows > before["likes"].rows + 2
    await real.likes.apply({place: marks([(1, False)], since=3)})
    assert (await digested(session, "likes"))["likes"] != both["likes"]
    assert both["post_counts"] == before["post_counts"]


async def test_a_count_that_is_not_that_of_the_members_is_in_it(
    session: Session, real: Deps
) -> None:
    place, followed = Place(new_id()), a_user()
    follower = a_user()
    await real.likes.apply({place: marks([(1, True), (2, True)])})
    await follow(real, follower, followed, 0)
    right = await digested(session, "likes"), await digested(session, "graph")
    hand = CassandraHand(session)
    await hand.miscount(place, 3)
    miscounted = await session.execute_once(MISCOUNT, int(followed), bucket_of(follower))
    assert miscounted.applied
    wrong = await digested(session, "likes"), await digested(session, "graph")
    for table, (before, after) in {
        "likes": (right[0], wrong[0]),
        "followers": (right[1], wrong[1]),
    }.items():
        assert after[table].rows == before[table].rows + 1
        assert after[table] != before[table]


async def test_how_far_a_shard_is_counted_is_in_it(session: Session, real: Deps) -> None:
    place = Place(new_id())
    await real.likes.apply({place: marks([(1, True)])})
    before = (await digested(session, "likes"))["likes"]
    await CassandraHand(session).advance(place, 99)
    after = (await digested(session, "likes"))["likes"]
    assert (after.rows, after.digest != before.digest) == (before.rows, True)
