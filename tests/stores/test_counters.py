"""Counters: who counts, how many that is, and up to which event, always together."""

from itertools import count

import pytest

from instastream.counting import NOT_COUNTED, PAGE_BITS, Mark, Member, Shard
from instastream.deps import Deps
from instastream.stores.counters import Counters, Listed, Place, Total
from tests.stores.conftest import new_id

MANY = 16  # shards of one subject


@pytest.fixture
def likes(deps: Deps) -> Counters:
    return deps.likes


@pytest.fixture
def place() -> Place:
    return Place(new_id())


def on(member: Member, *, at: int, place: int | None = None) -> Mark:
    return Mark(member=member, place=place or at, version=at, at_ms=1_000 + at)


def off(member: Member, *, at: int) -> Mark:
    return Mark(member=member, place=NOT_COUNTED, version=at, at_ms=1_000 + at)


async def newest(likes: Counters, place: Place, *, limit: int = 10) -> list[Listed]:
    return await likes.newest(place.subject_id, 1, before=1 << 62, limit=limit)


async def test_whoever_counts_is_counted_once(likes: Counters, place: Place) -> None:
    marks = {place: [on("5", at=1), on("6", at=2), on("5", at=3)]}
    expected = Shard(count=2, size=2, version=3, at_ms=1_003)
    for _ in range(2):
        assert await likes.apply(marks) == {place: expected}
    assert await newest(likes, place) == [(2, "6"), (1, "5")]


async def test_who_is_no_longer_counted_is_not_listed(likes: Counters, place: Place) -> None:
    await likes.apply({place: [on("5", at=1), on("6", at=2)]})
    shards = await likes.apply({place: [off("5", at=3)]})
    assert shards[place] == Shard(count=1, size=2, version=3, at_ms=1_003)
    assert await newest(likes, place) == [(2, "6")]


async def test_who_counts_again_is_listed_anew(likes: Counters, place: Place) -> None:
    await likes.apply({place: [on("5", at=1), on("6", at=2), off("5", at=3)]})
    await likes.apply({place: [on("5", at=4)]})
    assert await newest(likes, place) == [(4, "5"), (2, "6")]


async def test_what_ends_where_it_began_changes_only_how_far_is_counted(
    likes: Counters, place: Place
) -> None:
    await likes.apply({place: [on("5", at=1)]})
    shards = await likes.apply({place: [off("6", at=2), off("5", at=3), on("5", at=4, place=1)]})
    assert shards[place] == Shard(count=1, size=2, version=4, at_ms=1_004)
    assert await newest(likes, place) == [(1, "5")]


async def test_older_marks_change_nothing(likes: Counters, place: Place) -> None:
    marks = [on("5", at=1), off("5", at=2), on("6", at=3)]
    await likes.apply({place: marks})
    for some in (marks[:1], marks[:2], marks):
        assert (await likes.apply({place: some}))[place].version == 3
    assert await likes.shard(place, "5") == (
        Shard(count=1, size=2, version=3, at_ms=1_003),
        NOT_COUNTED,
    )


async def test_many_shards_are_counted_in_one_call(likes: Counters) -> None:
    places = [Place(new_id()) for _ in range(300)]
    shards = await likes.apply({place: [on("5", at=7)] for place in places})
    assert list(shards) == places
    assert {shard.count for shard in shards.values()} == {1}


async def test_a_batch_of_thousands_of_members_is_counted_whole(
    likes: Counters, place: Place
) -> None:
    """More than a page of rows: what is read in pages may be torn."""
    members = [str(1_000 + i) for i in range(6_000)]
    await likes.apply({place: [on(member, at=i + 1) for i, member in enumerate(members)]})
    marks = [off(member, at=10_001 + i) for i, member in enumerate(members[1:])]
    shards = await likes.apply({place: marks})
    assert shards[place] == Shard(count=1, size=6_000, version=15_999, at_ms=16_999)


async def test_where_a_member_stands_is_told_for_many_subjects(
    likes: Counters, place: Place
) -> None:
    ended, other, sharded = Place(new_id()), Place(new_id()), Place(new_id(), 3)
    await likes.apply(
        {
            place: [on("5", at=7)],
            ended: [on("5", at=7), off("5", at=8)],
            other: [on("6", at=7)],
            sharded: [on("5", at=7)],
        }
    )
    assert await likes.standing([place, ended, other, sharded], "5") == {
        place: 1,
        ended: NOT_COUNTED,
        other: None,
        sharded: 1,
    }


async def test_what_nobody_counted_comes_to_nothing(likes: Counters, place: Place) -> None:
    assert await likes.shard(place, "5") == (Shard(), None)
    totals = await likes.totals({place.subject_id: 1, "1": MANY})
    nothing = Total(subject_id="1", count=0, size=0, version=0, at_ms=0)
    assert totals["1"] == nothing
    assert totals[place.subject_id].version == 0
    assert await likes.newest(place.subject_id, MANY, before=1 << 62, limit=3) == []


async def test_a_total_is_the_sum_of_the_shards_that_were_published(likes: Counters) -> None:
    subject = new_id()
    places = [Place(subject, shard) for shard in range(MANY)]
    shards = await likes.apply({place: [on("5", at=10 + place.shard)] for place in places})
    await likes.publish(shards)
    await likes.publish({places[0]: Shard(count=9, size=9, version=3, at_ms=1)})  # late
    assert (await likes.totals({subject: MANY}))[subject] == Total(
        subject_id=subject,
        count=MANY,
        size=MANY,
        version=sum(range(10, 10 + MANY)),
        at_ms=1_000 + 10 + MANY - 1,
    )


async def test_totals_of_one_shard_need_not_be_published(likes: Counters, place: Place) -> None:
    await likes.apply({place: [on("5", at=7)]})
    total = Total(subject_id=place.subject_id, count=1, size=1, version=7, at_ms=1_007)
    assert await likes.totals({place.subject_id: 1}) == {place.subject_id: total}


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("places_bits", [0, PAGE_BITS - 4, PAGE_BITS, PAGE_BITS + 4])
async def test_the_newest_of_all_shards_are_listed_in_order(
    likes: Counters, places_bits: int, *, skewed: bool
) -> None:
    """However many of them are on a page of the list, or pages apart."""
    subject, versions = new_id(), count(1)
    listed = []
    for at in range(1, 200):
        place = Place(subject, 3 if skewed and at > 100 else at * 7 % MANY)
        listed.append(Listed(at << places_bits, str(at)))
        await likes.apply({place: [on(str(at), at=next(versions), place=listed[-1].place)]})
    found: list[Listed] = []
    before = 1 << 62
    while page := await likes.newest(subject, MANY, before=before, limit=30):
        assert len(page) == 30 or len(found) + len(page) == len(listed)
        found += page
        before = page[-1].place
    assert found == listed[::-1]


async def test_what_ended_for_good_never_counts_again(deps: Deps, place: Place) -> None:
    comments = deps.comment_ids
    await comments.apply({place: [on("5", at=1, place=1), off("5", at=2)]})
    shards = await comments.apply({place: [on("5", at=3, place=1), off("6", at=4)]})
    assert shards[place] == Shard(count=0, size=2, version=4, at_ms=1_004)
    shards = await comments.apply({place: [on("6", at=5, place=1)]})
    assert shards[place] == Shard(count=0, size=2, version=5, at_ms=1_005)
