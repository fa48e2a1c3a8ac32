"""What is dead can be found, told whole, handed back to whoever failed at it, or dropped."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from instastream import redriving
from instastream.auditing import proving
from instastream.deps import Deps
from instastream.errors import Unready
from instastream.events import Event, MediaFailed, Record, UploadFinalized, encode
from instastream.handlers.engagement import ENGAGEMENT
from instastream.handlers.media import MEDIA_LAST_WORDS
from instastream.handlers.posts import POSTS
from instastream.handlers.video import VIDEO_LAST_WORDS
from instastream.letters import Origin, Retry, death_of, origin_of, own, read, tell
from instastream.redriving import Dealt, Wanted, redrive, waiting
from instastream.steps import ignore
from instastream.stores.memory import MemoryLog
from tests.flow.conftest import Streams, join, post
from tests.flow.counting_world import ADA, BOB, CLEO, POST, liked, new_id, said, unliked

ORIGIN = Origin(app="feeds", topic="media", partition=3, offset=14, timestamp_ms=15, epoch=None)
HEADERS = [("ce_id", b"x")]


async def bury(
    deps: Deps,
    origin: Origin = ORIGIN,
    *,
    key: bytes = b"a key",
    value: bytes = b"\xff",
    error: Exception | None = None,
) -> None:
    """As a worker does."""
    death = death_of(origin, error or KeyError("a bug"), attempts=4)
    await deps.log.append_raw("dead", key=key, value=value, headers=[*HEADERS, *tell(death)])


async def ids(deps: Deps, **wanted: object) -> list[int]:
    return [one.id for one in await waiting(deps.log, Wanted(**wanted))]  # type: ignore[arg-type]


def handed_back(deps: Deps) -> list[tuple[str, Retry]]:
    """What lies in retry topics."""
    assert isinstance(deps.log, MemoryLog)
    found = [(topic, read(Retry, headers)) for topic, _, _, headers in deps.log.raw]
    return [(topic, retry) for topic, retry in found if retry]


async def test_letters_are_found_by_what_is_true_of_them(deps: Deps) -> None:
    added = said(new_id())  # type: ignore[arg-type]
    engagement = replace(ORIGIN, app="engagement", topic="comments")
    await bury(deps)
    await bury(deps, engagement, key=added.key.encode(), value=encode(added), error=OSError("x"))
    await bury(deps, replace(ORIGIN, offset=15, topic="graph"), key=b"other")
    assert await ids(deps) == [0, 1, 2]
    assert await ids(deps, app="feeds") == [0, 2]
    assert await ids(deps, app="feeds", topic="graph") == [2]
    assert await ids(deps, error="OSError") == [1]
    assert await ids(deps, post=POST) == [1]
    assert await ids(deps, key="other") == [2]
    assert await ids(deps, ids=[0, 2], key="a key") == [0]
    assert await ids(deps, since_ms=1) == []
    assert await ids(deps, until_ms=1) == [0, 1, 2]


async def test_a_letter_is_told_whole(deps: Deps) -> None:
    await bury(deps, value=b"\xff text")
    letter = await redriving.show(deps.log, 0)
    assert (letter.summary.error, letter.summary.message) == ("KeyError", "'a bug'")
    assert (letter.summary.attempts, letter.summary.size_bytes) == (4, 6)
    assert letter.value == "\\xff text"
    assert letter.headers == [("ce_id", "x")]
    assert "KeyError" in letter.stack
    with pytest.raises(Unready, match="no dead letter 1"):
        await redriving.show(deps.log, 1)


async def test_a_letter_goes_back_to_the_app_that_failed_as_it_stood_and_is_listed_no_longer(
    deps: Deps,
) -> None:
    assert isinstance(deps.log, MemoryLog)
    await bury(deps)
    letters = await waiting(deps.log, Wanted())
    assert await redrive(letters, deps, report=ignore) == Dealt(done=[0])
    topic, key, value, headers = deps.log.raw[1]
    retry = read(Retry, headers)
    assert retry
    assert (topic, key, value) == ("retry.5s", b"a key", b"\xff")
    assert own(Retry, headers) == HEADERS
    assert origin_of(retry) == ORIGIN
    assert (retry.attempts, retry.due_ms <= deps.now_ms()) == (0, True)
    assert await ids(deps) == []
    assert (await redriving.show(deps.log, 0)).summary.id == 0


async def test_a_letter_that_died_again_is_listed_again_also_where_that_was_before_the_mark(
    deps: Deps,
) -> None:
    await bury(deps)
    letters = await waiting(deps.log, Wanted())
    await bury(deps)
    await redrive(letters, deps, report=ignore)
    assert await ids(deps) == [1]
    await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert await ids(deps) == []
    await bury(deps)
    assert len(await ids(deps)) == 1


async def test_a_record_that_died_twice_in_one_app_is_one_letter_and_in_two_apps_two(
    deps: Deps,
) -> None:
    await bury(deps)
    await bury(deps, error=OSError("another time"))
    await bury(deps, replace(ORIGIN, app="posts"))
    assert await ids(deps) == [1, 2]
    assert await ids(deps, app="feeds", error="KeyError") == []
    await redriving.drop(await waiting(deps.log, Wanted(app="feeds")), deps.log, report=ignore)
    assert await ids(deps) == [2]
    assert handed_back(deps) == []


async def test_many_letters_are_dealt_with_once_each(deps: Deps) -> None:
    for offset in range(redriving.AT_ONCE + 5):
        await bury(deps, replace(ORIGIN, offset=offset))
    letters = await waiting(deps.log, Wanted())
    await redrive(letters, deps, report=ignore)
    await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    offsets = [retry.offset for _, retry in handed_back(deps)]
    assert sorted(offsets) == list(range(redriving.AT_ONCE + 5))


async def test_a_letter_that_does_not_say_who_failed_is_left(deps: Deps) -> None:
    await bury(deps, replace(ORIGIN, app=""))
    dealt = await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert (dealt.done, [*dealt.left]) == ([], [0])
    assert await ids(deps) == [0]


DAY_MS = 86_400_000


async def test_an_old_letter_of_the_graph_is_left_and_told_and_others_go_on(deps: Deps) -> None:
    graph = replace(ORIGIN, app="graph", topic="graph", epoch=0)
    for offset, age_days in enumerate((24, 22, 31)):
        at_ms = deps.now_ms() - age_days * DAY_MS
        await bury(deps, replace(graph, offset=offset, timestamp_ms=at_ms))
    await bury(deps, replace(graph, topic="users"))
    await bury(deps)
    dealt = await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert (dealt.done, [*dealt.left]) == ([1, 3, 4], [0, 2])
    assert "`instastream rebuild all --swap`, then drop" in dealt.left[0]
    topics = [(retry.topic, retry.offset) for _, retry in handed_back(deps)]
    assert topics == [("graph", 1), ("users", 14), ("media", 14)]
    assert await ids(deps) == [0, 2]


async def append(deps: Deps, *events: Event) -> list[Record[Event]]:
    return [await deps.log.append(event) for event in events]


async def count(deps: Deps, records: Sequence[Record[Event]]) -> None:
    for record in records:
        await ENGAGEMENT[record.event.topic]([record], deps)


async def bury_counted(deps: Deps, record: Record[Event], *, epoch: int = 0) -> None:
    origin = Origin(
        app="engagement",
        topic=record.event.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=1,
        epoch=epoch,
    )
    await bury(deps, origin, key=record.event.key.encode(), value=encode(record.event))


async def likes(deps: Deps) -> tuple[int, int]:
    """As counted, and as shown."""
    counted = (await deps.likes.totals({POST: 1}))[POST].count
    return counted, (await deps.counts.totals("likes", [POST]))[POST].count


async def test_a_like_that_its_counter_has_gone_past_is_counted_from_the_log(deps: Deps) -> None:
    records = await append(deps, liked(ADA), liked(BOB), liked(CLEO), unliked(ADA))
    await count(deps, [records[0], *records[2:]])
    await bury_counted(deps, records[1])
    assert await likes(deps) == (1, 1)
    dealt = await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert dealt == Dealt(done=[0])
    assert await likes(deps) == (2, 2)
    assert handed_back(deps) == []
    assert await ids(deps) == []


async def test_a_like_that_is_the_last_one_is_counted_and_one_taken_back_since_is_not(
    deps: Deps,
) -> None:
    records = await append(deps, liked(ADA), unliked(ADA), liked(BOB))
    await count(deps, [records[1]])
    await bury_counted(deps, records[0])
    await bury_counted(deps, records[2])
    await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert await likes(deps) == (1, 1)


async def test_a_comment_that_died_stands_in_its_thread_and_counts(deps: Deps) -> None:
    first, second = [said(new_id()) for _ in range(2)]  # type: ignore[arg-type]
    records = await append(deps, first, second)
    await count(deps, records[1:])
    await bury_counted(deps, records[0])
    await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert (await deps.comment_ids.totals({POST: 1}))[POST].count == 2
    assert (await deps.counts.totals("comments", [POST]))[POST].count == 2


async def test_what_can_not_be_counted_is_left_and_told(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first, second] = await append(deps, liked(ADA), liked(BOB))
    await bury_counted(deps, first, epoch=1)
    await bury(deps, replace(ORIGIN, app="engagement", topic="engagement", epoch=0))
    await bury_counted(deps, second)
    letters = await waiting(deps.log, Wanted())

    async def broken(*_: object) -> list[Event]:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setitem(ENGAGEMENT, "engagement", broken)
        dealt = await redrive(letters, deps, report=ignore)
    assert dealt.done == []
    assert dealt.left[0].startswith("Corrupt: engagement was made anew since")
    assert dealt.left[1].startswith("Corrupt: ")
    assert dealt.left[2] == "KeyError: 'a bug'"
    assert await ids(deps) == [0, 1, 2]


async def test_a_like_of_a_counter_that_is_too_large_to_be_proved_stays_a_letter(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await append(deps, liked(ADA), liked(BOB))
    await count(deps, records[:1])
    await bury_counted(deps, records[1])
    monkeypatch.setattr(proving, "PROVED_MEMBERS_MAX", 1)
    dealt = await redrive(await waiting(deps.log, Wanted()), deps, report=ignore)
    assert dealt.done == []
    assert dealt.left == {0: "its counter is too large or too busy to be proved now"}
    assert await ids(deps) == [0]


async def test_a_post_whose_media_was_given_up_has_failed_and_is_ready_once_it_is_redriven(
    deps: Deps, streams: Streams
) -> None:
    [author] = await join(deps, "ada")
    posted = await post(deps, author)
    [upload] = [record async for record in deps.log.read("uploads")]
    assert isinstance(upload.event, UploadFinalized)
    [words] = MEDIA_LAST_WORDS[UploadFinalized](upload.event, deps)
    assert isinstance(words, MediaFailed)
    await POSTS[MediaFailed](Record(words, 0, 0), deps)
    [failed] = (await deps.posts.get([posted.post_id])).values()
    assert failed.status == "failed"
    assert failed.failure
    assert failed.failure.reason == "not-processed"
    await deps.log.append(words)
    await streams.run()
    [ready] = (await deps.posts.get([posted.post_id])).values()
    assert ready.status == "ready"


async def test_only_what_is_its_own_is_given_up_by_media_and_video(deps: Deps) -> None:
    [author] = await join(deps, "ada")
    await post(deps, author)
    [upload] = [record.event async for record in deps.log.read("uploads")]
    assert isinstance(upload, UploadFinalized)
    video = replace(upload, content_type="video/mp4")
    words = [MEDIA_LAST_WORDS, VIDEO_LAST_WORDS]
    assert [len(say[UploadFinalized](upload, deps)) for say in words] == [1, 0]
    assert [len(say[UploadFinalized](video, deps)) for say in words] == [0, 1]
