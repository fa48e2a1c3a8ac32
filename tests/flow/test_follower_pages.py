"""Posts of whoever has many followers are pushed in pages: to each of them, once."""

from collections import Counter
from collections.abc import Set
from itertools import accumulate

import pytest
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.events import Event, FanoutPage, MediaReady, Record, UserFollowed, UserUnfollowed
from instastream.handlers import feeds
from instastream.handlers.feeds import fan_out, push_page, settle_edge
from instastream.ids import PostId, UserId, compose
from instastream.relations import Edge, Relations
from instastream.stores.changes import Change
from instastream.stores.graph import FOLLOWER_BUCKETS, bucket_of
from tests.conftest import measured
from tests.stores.test_posts import ready

LENGTH = 3  # of a page
NOW_MS = 1_795_000_000_000


def id_of(number: int) -> str:
    return compose(at_ms=NOW_MS + number, worker=0, sequence=0)


AUTHOR, POST = UserId(id_of(1)), PostId(id_of(2))
READY = ready(POST, AUTHOR)


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FANOUT_PAGE_LENGTH", LENGTH)


class Pushed(Counter[UserId]):
    """How often the post was pushed to whom."""

    def __init__(self, deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr(deps.feeds, "push", self._push)
        self.longest = 0

    async def _push(self, post_id: PostId, readers: list[UserId]) -> None:
        assert post_id == POST
        self.update(readers)
        self.longest = max(self.longest, len(readers))


@pytest.fixture
def pushed(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> Pushed:
    return Pushed(deps, monkeypatch)


async def followed_by(deps: Deps, count: int, *, bucket: int | None = None) -> list[UserId]:
    """So many follow the author, in one bucket or in any."""
    ids = (UserId(id_of(number)) for number in range(10, 10_000))
    followers = [one for one in ids if bucket in (None, bucket_of(one))][:count]
    for one in followers:
        edge = Edge(follower_id=one, followee_id=AUTHOR, state="follows", version=1)
        await deps.graph.record_edge(edge)
    return followers


async def handle(event: Event, deps: Deps) -> list[FanoutPage]:
    """The pages that an event leads to."""
    handler = {MediaReady: fan_out, FanoutPage: push_page}[type(event)]
    pages: list[FanoutPage] = []
    for page in await handler(Record(event, 0, 0), deps):  # type: ignore[operator]
        assert isinstance(page, FanoutPage)
        pages.append(page)
    return pages


@pytest.mark.parametrize("followers", [0, 1, LENGTH])
async def test_few_followers_are_pushed_to_at_once(
    deps: Deps, pushed: Pushed, followers: int
) -> None:
    readers = await followed_by(deps, followers)
    assert await handle(READY, deps) == []
    assert pushed == Counter(readers)


@pytest.mark.parametrize(
    ("followers", "buckets"),
    [(4, [6, 2]), (6, [4, 4]), (12, [2] * 4), (13, [1] * 8), (24, [1] * 8), (60, [1] * 8)],
)
async def test_many_are_planned_in_as_few_pages_as_hold_them(
    deps: Deps, pushed: Pushed, followers: int, buckets: list[int]
) -> None:
    await followed_by(deps, followers)
    pages = await handle(READY, deps)
    assert [page.buckets for page in pages] == buckets
    assert [page.bucket for page in pages] == [0, *accumulate(buckets)][:-1]
    assert sum(buckets) == FOLLOWER_BUCKETS
    assert {page.at_ms for page in pages} == {READY.at_ms}
    assert pushed == {}


@pytest.mark.parametrize("followers", [4, 7, 30, 60])
async def test_everyone_is_pushed_to_once(deps: Deps, pushed: Pushed, followers: int) -> None:
    readers = await followed_by(deps, followers)
    before = pushes("post")
    waiting: list[Event] = [READY]
    while waiting:
        waiting += await handle(waiting.pop(), deps)
    assert pushed == Counter(readers)
    assert pushes("post") - before == followers


@pytest.mark.parametrize(("followers", "lengths"), [(2, [2]), (3, [3, 0]), (7, [3, 3, 1])])
async def test_a_bucket_with_more_than_a_page_is_many_pages(
    deps: Deps, pushed: Pushed, followers: int, lengths: list[int]
) -> None:
    readers = await followed_by(deps, followers, bucket=5)
    pages = [
        FanoutPage(post_id=POST, author_id=AUTHOR, bucket=5, after=UserId(""), at_ms=READY.at_ms)
    ]
    seen = []
    while pages:
        before = pushed.total()
        pages = await handle(pages.pop(), deps)
        seen.append(pushed.total() - before)
        assert all(page == replace(page, bucket=5, buckets=1, post_id=POST) for page in pages)
    assert seen == lengths
    assert pushed == Counter(readers)


@pytest.mark.parametrize("fanout", ["push", "pull"])
async def test_a_post_that_lands_is_told_and_so_is_whose_posts_are_pulled(
    deps: Deps, pushed: Pushed, monkeypatch: pytest.MonkeyPatch, fanout: str
) -> None:
    told: list[Change] = []

    async def tell(*changes: Change) -> None:
        told.extend(changes)

    monkeypatch.setattr(deps.changes, "tell", tell)
    await followed_by(deps, 1)
    await handle(replace(READY, fanout=fanout), deps)
    landed = Change("landed", AUTHOR, POST)
    assert told == ([landed] if fanout == "push" else [Change("celebrity", AUTHOR), landed])
    assert pushed.total() == (fanout == "push")


@pytest.mark.parametrize("fanout", ["push", "pull"])
async def test_a_post_of_which_some_media_is_not_ready_is_nowhere(
    deps: Deps, pushed: Pushed, monkeypatch: pytest.MonkeyPatch, fanout: str
) -> None:
    monkeypatch.setattr(deps.changes, "tell", None)
    await followed_by(deps, 1)
    assert await handle(replace(READY, fanout=fanout, media_count=2), deps) == []
    assert pushed == {}
    assert [*await deps.posts.celebrities()] == []


async def test_who_follows_is_asked_of_the_one_whom_it_is_about_alone(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Set[UserId] | None] = []
    relations = deps.graph.relations

    async def noted(reader: UserId, *, among: Set[UserId] | None = None) -> Relations:
        asked.append(among)
        return await relations(reader, among=among)

    monkeypatch.setattr(deps.graph, "relations", noted)
    event = UserFollowed(follower_id=UserId(id_of(10)), followee_id=AUTHOR, at_ms=1)
    await settle_edge(Record(event, 0, 0), deps)
    assert asked == [{AUTHOR}] * 2


async def test_what_following_brings_into_a_list_is_counted(deps: Deps) -> None:
    [reader] = await followed_by(deps, 1)
    await deps.feeds.open(reader, "a")
    await deps.posts.record_ready(READY)
    before = pushes("follow")
    for offset, kind in enumerate((UserFollowed, UserUnfollowed)):
        event = kind(follower_id=reader, followee_id=AUTHOR, at_ms=1)
        await settle_edge(Record(event, 0, offset), deps)
    assert pushes("follow") - before == 1


def pushes(kind: str) -> float:
    """How many ids were pushed, as it is measured."""
    return measured("pushes_total", kind=kind)
