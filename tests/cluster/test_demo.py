"""The demo sees what it says it sees."""

from typing import Any

from instastream.demo import USERNAMES, Posted, originals, run_demo
from instastream.log import KafkaLog
from instastream.media import VARIANTS
from tests.cluster.conftest import System
from tests.conftest import report


async def test_everything_goes_from_upload_to_feeds_and_the_edge(system: System) -> None:
    async with KafkaLog(system.settings.kafka, prefix=system.settings.prefix) as log:
        summary = await run_demo(system.environ["INSTASTREAM_API"], log, report)
    assert not summary.failure
    names = [one.name for one in originals()]
    assert [one.name for one in summary.posts] == names
    posts = {one.name: one for one in summary.posts}
    first = summary.posts[0]
    again, clip = posts.pop(f"{first.name} again"), summary.posts[-1]
    for one in posts.values():
        assert one.edge == ["MISS", "HIT"]
    for one in summary.posts:
        assert 0 < one.rendered_ms <= one.ready_ms <= one.visible_ms
        assert set(media(one)["images"]) == {spec.name for spec in VARIANTS}
    assert {one.post["like_count"] for one in summary.posts} == {len(USERNAMES) - 1}
    assert sum(one.post["comment_count"] for one in summary.posts) == len(USERNAMES)
    assert again.edge == ["HIT", "HIT"]
    assert media(again)["images"] == media(first)["images"], "stored once"
    assert media(clip)["video"]["rungs"]
    by = {one.name: one.author for one in summary.posts}
    assert [feed.reader for feed in summary.feeds] == list(USERNAMES)
    for feed in summary.feeds:
        assert feed.names == [name for name in reversed(names) if by[name] != feed.reader]


def media(one: Posted) -> dict[str, Any]:
    [media] = one.post["media"]
    return dict(media)
