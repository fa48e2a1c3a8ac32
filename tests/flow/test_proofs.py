"""Counters against the log: what differs, and which event decided it."""

import asyncio
from dataclasses import replace as with_deps

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from instastream.auditing.proving import Proof, Sample, Subject, prove
from instastream.deps import Deps, memory_deps
from instastream.events import Event, PostDeleted, encode
from instastream.ids import UserId
from instastream.images.pool import RenderPool
from instastream.steps import ignore
from instastream.stores.counters import Place
from instastream.stores.memory import MemoryLog
from instastream.stores.memory_counters import MemoryCounters
from tests.conftest import IN_MEMORY
from tests.flow.counting_world import (
    ADA,
    BOB,
    CLEO,
    COMMENT,
    HISTORY,
    POST,
    happen,
    liked,
    memory,
    said,
    unliked,
)

SUBJECTS: list[Subject] = [("likes", POST), ("comments", POST), ("comments", COMMENT)]


async def proved(deps: Deps, *, repair: bool = False) -> Proof:
    return await prove(SUBJECTS, deps, repair=repair, report=ignore)


async def test_a_member_that_the_log_has_otherwise_is_told_with_the_event_that_decided(
    deps: Deps,
) -> None:
    await happen(deps, *HISTORY, liked(BOB))
    right = dict(memory(deps).members[Place(POST)])
    memory(deps).members[Place(POST)] |= {ADA: 77, "99": 0}
    del memory(deps).members[Place(POST)][BOB]
    proof = await proved(deps)
    assert {
        one.member: (one.says, one.is_, one.topic, one.offset) for one in proof.differences
    } == {
        ADA: (77, 0, "engagement", 2),
        BOB: (None, right[BOB], "engagement", 1),
        "99": (0, None, None, None),
    }
    proof = await proved(deps, repair=True)
    assert all(one.repaired for one in proof.differences)
    assert memory(deps).members[Place(POST)] == right
    proof = await proved(deps)
    assert proof.differences == []


async def test_what_is_not_counted_yet_is_no_difference(deps: Deps) -> None:
    await happen(deps, *HISTORY)
    await deps.log.append(unliked(BOB))
    proof = await proved(deps)
    assert proof.differences == []


async def test_what_a_worker_buries_is_no_part_of_a_proof(deps: Deps) -> None:
    deleted = PostDeleted(post_id=POST, author_id=ADA, at_ms=5)
    misplaced: list[tuple[bytes, Event]] = [(POST.encode(), deleted), (b"another", liked(BOB))]
    await happen(deps, liked(ADA))
    for key, event in misplaced:
        await deps.log.append_raw("engagement", key=key, value=encode(event), headers=[])
    await happen(deps, liked(CLEO), said(COMMENT))
    members = dict(memory(deps).members[Place(POST)])
    proof = await proved(deps, repair=True)
    assert (proof.differences, proof.events) == ([], 3)
    assert memory(deps).members[Place(POST)] == members
    assert members.keys() == {ADA, CLEO}


class SecondLife:
    """Epochs of topics that were made anew once."""

    async def of(self, topic: str) -> int:
        return 1

    async def confirm(self, topic: str) -> None:
        """They were, and were not since."""


async def test_what_an_earlier_life_of_the_log_left_is_taken_for_right(deps: Deps) -> None:
    await happen(deps, *HISTORY)
    assert isinstance(deps.log, MemoryLog)
    deps.log.topics.clear()
    deps = with_deps(deps, epochs=SecondLife())
    await happen(deps, unliked(BOB), liked(ADA))
    proof = await proved(deps)
    assert proof.differences == []
    memory(deps).members[Place(POST)][BOB] = 55
    proof = await proved(deps)
    assert {(one.what, one.says, one.is_) for one in proof.differences} == {("member", 55, 0)}


async def test_a_sample_is_the_same_for_the_same_seed() -> None:
    def sample(seed: int) -> list[str]:
        sample = Sample(5, seed=seed)
        for subject in [*map(str, range(100)), "7"]:
            sample.see("likes", subject)
        return [subject for _, subject in sample.subjects]

    assert len(sample(1)) == len(set(sample(1))) == 5
    assert sample(1) == sample(1) != sample(2)


sayings = st.lists(st.tuples(st.sampled_from((ADA, BOB, CLEO)), st.booleans()), max_size=12)
FIELDS = ("count", "size", "lost", "added", "moved")


@given(sayings, st.data())
def test_any_one_thing_that_is_wrong_is_found_and_repaired(
    history: list[tuple[UserId, bool]], data: st.DataObject
) -> None:
    async def check() -> None:
        async with memory_deps(IN_MEMORY, RenderPool()) as deps:
            likes, place = memory(deps), Place(POST)
            await happen(deps, liked(ADA))
            await happen(deps, *(liked(who) if likes else unliked(who) for who, likes in history))
            assert not (await proved(deps)).differences
            right = (likes.counted[place], dict(likes.members[place]))
            spoil(likes, place, data)
            assert (await proved(deps)).differences
            await proved(deps, repair=True)
            assert (likes.counted[place], likes.members[place]) == right

    asyncio.run(check())


def spoil(likes: MemoryCounters, place: Place, data: st.DataObject) -> None:
    """One thing is another than it was."""
    members, shard = likes.members[place], likes.counted[place]
    match data.draw(st.sampled_from(FIELDS)):
        case "count":
            likes.counted[place] = replace(shard, count=shard.count + data.draw(st.integers(1, 9)))
        case "size":
            likes.counted[place] = replace(shard, size=shard.size - data.draw(st.integers(1, 9)))
        case "lost":
            del members[data.draw(st.sampled_from(sorted(members)))]
        case "added":
            members["12"] = data.draw(st.integers(0, 9))
        case "moved":
            members[data.draw(st.sampled_from(sorted(members)))] += data.draw(st.integers(1, 9))
