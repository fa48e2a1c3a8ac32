"""The contract of Ledger: claims, generations, references and the due list."""

import asyncio
from uuid import uuid4

import pytest

from instastream.deps import Deps
from instastream.errors import Corrupt
from instastream.events import Variant
from instastream.ids import MediaId, PostId
from instastream.media import Outcome
from instastream.stores.ledger import Due, Generations, Ledger, PostReferences, Reference

FAR_MS = 4_000_000_000_000  # no worker that runs beside looks that far


def outcome(name: str) -> Outcome:
    return Outcome(variants=[Variant(name, f"{name}.webp", 3, 2, 9)], thumbhash="t", colour="#fff")


@pytest.fixture
def ledger(deps: Deps) -> Ledger:
    return deps.ledger


@pytest.fixture
def root() -> str:
    return f"media/{uuid4().hex}"


@pytest.fixture
def reference(root: str) -> Reference:
    return Reference(root, MediaId(str(uuid4())))


async def test_of_many_who_claim_at_once_one_does(ledger: Ledger, root: str) -> None:
    claims = await asyncio.gather(*(ledger.claim(root, str(i), ttl_s=60) for i in range(8)))
    assert sorted(claims) == [False] * 7 + [True]


async def test_a_claim_is_renewed_by_its_owner_and_freed_by_no_other(
    ledger: Ledger, root: str
) -> None:
    assert await ledger.claim(root, "me", ttl_s=1)
    assert await ledger.claim(root, "me", ttl_s=60)
    await asyncio.sleep(1.1)
    await ledger.free(root, "you")
    assert not await ledger.claim(root, "you", ttl_s=60)
    await ledger.free(root, "me")
    assert await ledger.claim(root, "you", ttl_s=1)
    await asyncio.sleep(1.1)
    assert await ledger.claim(root, "me", ttl_s=60), "a claim ends by itself"


async def test_a_claim_becomes_a_failure_that_others_share_for_a_while(
    ledger: Ledger, root: str
) -> None:
    await ledger.fail(root, "me", Corrupt("damaged", "nobody's claim"), ttl_s=60)
    assert await ledger.claim(root, "me", ttl_s=60)
    await ledger.fail(root, "you", Corrupt("damaged", "another's claim"), ttl_s=60)
    assert not await ledger.claim(root, "you", ttl_s=60)
    await ledger.fail(root, "me", Corrupt("damaged", 'it\'s broken: "“"'), ttl_s=5)
    await ledger.free(root, "me")
    for another in ("you", "me"):
        with pytest.raises(Corrupt) as failure:
            await ledger.claim(root, another, ttl_s=60)
        assert (failure.value.reason, str(failure.value)) == ("damaged", 'it\'s broken: "“"')
    await asyncio.sleep(5.1)
    assert await ledger.claim(root, "you", ttl_s=60)


async def test_the_first_outcome_of_a_generation_stands(ledger: Ledger, root: str) -> None:
    assert await ledger.generations(root) == Generations(0, {})
    kept = await asyncio.gather(*(ledger.keep(root, 0, outcome(str(i))) for i in range(4)))
    assert len({one.variants[0].name for one in kept}) == 1
    found = await ledger.generations(root)
    assert found.standing == kept[0]


async def test_a_condemned_generation_is_given_to_nobody(ledger: Ledger, root: str) -> None:
    await ledger.keep(root, 0, outcome("zero"))
    for _ in range(2):
        await ledger.condemn(root, 0)
    assert await ledger.generations(root) == Generations(1, {0: outcome("zero")})
    await ledger.condemn(root, 1)
    await ledger.condemn(root, 0)
    assert (await ledger.generations(root)).current == 2
    await ledger.keep(root, 2, outcome("two"))
    await ledger.forget(root, 1)
    assert await ledger.generations(root) == Generations(2, {2: outcome("two")})


async def test_what_was_never_rendered_can_be_condemned_and_forgotten(
    ledger: Ledger, root: str
) -> None:
    await ledger.condemn(root, 0)
    await ledger.forget(root, 0)
    assert await ledger.generations(root) == Generations(1, {})


async def test_a_reference_stands_until_it_is_released(
    ledger: Ledger, reference: Reference, post_ids: list[PostId]
) -> None:
    assert not await ledger.is_referred(reference.root)
    for _ in range(2):
        await ledger.refer(post_ids[0], reference)
    assert await ledger.is_referred(reference.root)
    await ledger.release(reference)
    assert not await ledger.is_referred(reference.root)


async def test_what_was_released_stays_released_whatever_comes_later(
    ledger: Ledger, reference: Reference, post_ids: list[PostId]
) -> None:
    await ledger.release(reference)
    await ledger.refer(post_ids[0], reference)
    assert not await ledger.is_referred(reference.root)
    other = Reference(reference.root, MediaId(str(uuid4())))
    await ledger.refer(post_ids[1], other)
    assert await ledger.is_referred(reference.root), "another's reference is another's"


async def test_a_post_knows_what_it_ever_referred_to(
    ledger: Ledger, reference: Reference, post_ids: list[PostId]
) -> None:
    assert await ledger.of_post(post_ids[0]) == PostReferences(False, [])
    await ledger.record_deleted(post_ids[1])
    assert await ledger.of_post(post_ids[1]) == PostReferences(True, [])
    await ledger.refer(post_ids[0], reference)
    await ledger.release(reference)
    assert await ledger.of_post(post_ids[0]) == PostReferences(False, [reference])
    for _ in range(2):
        await ledger.record_deleted(post_ids[0])
    assert await ledger.of_post(post_ids[0]) == PostReferences(True, [reference])


async def test_what_is_due_is_told_until_it_is_dropped(ledger: Ledger, root: str) -> None:
    async def due(now_ms: int) -> list[Due]:
        return [one for one in await ledger.due(now_ms, limit=10_000) if one.root == root]

    await ledger.look_later(root, due_ms=FAR_MS)
    assert await due(FAR_MS - 1) == []
    (first,) = await due(FAR_MS)
    await ledger.look_later(root, due_ms=FAR_MS)
    await ledger.drop(first)
    (second,) = await due(FAR_MS + 4_000)
    assert second.mark != first.mark, "a drop takes what was seen, nothing that came later"
    await ledger.drop(second)
    assert await due(FAR_MS + 4_000) == []


async def test_what_is_spared_is_so_for_a_while(ledger: Ledger, root: str) -> None:
    assert not await ledger.is_spared(root)
    await ledger.spare(root, ttl_s=60)
    assert await ledger.is_spared(root)
    await ledger.spare(root, ttl_s=1)
    await asyncio.sleep(1.1)
    assert not await ledger.is_spared(root)
