"""The demo sees what it says it sees."""

from instastream.demo import USERNAMES, photographs, run_demo
from instastream.log import KafkaLog
from instastream.media import VARIANTS
from tests.cluster.conftest import System
from tests.conftest import report


async def test_every_photograph_goes_from_upload_to_feeds_and_the_edge(system: System) -> None:
    async with KafkaLog(system.settings.kafka, prefix=system.settings.prefix) as log:
        summary = await run_demo(system.environ["INSTASTREAM_API"], log, report)
    names = [one.name for one in photographs()]
    assert [one.photo for one in summary.posts] == names
    for one in summary.posts:
        assert one.edge == ["MISS", "HIT"]
        assert 0 < one.rendered_ms <= one.ready_ms <= one.visible_ms
        assert set(one.post["media"][0]["images"]) == {spec.name for spec in VARIANTS}
    by = {one.photo: one.author for one in summary.posts}
    assert [feed.reader for feed in summary.feeds] == list(USERNAMES)
    for feed in summary.feeds:
        assert feed.photos == [name for name in reversed(names) if by[name] != feed.reader]
