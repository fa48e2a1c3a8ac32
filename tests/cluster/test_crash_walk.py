"""A worker process may die at any request that it makes: the next one comes to the same."""

from pathlib import Path

import pytest

from instastream.settings import Settings
from tests.cluster.conftest import SMALL
from tests.cluster.crash_walk import GRACE_S, walk
from tests.cluster.crash_works import placed
from tests.cluster.test_formats import H264, clip


@pytest.mark.long
async def test_wherever_a_worker_process_dies_the_next_one_comes_to_the_same(
    environ: dict[str, str], tmp_path: Path
) -> None:
    works = placed(SMALL, clip("clip.mp4", *H264, folder=tmp_path))
    calm, dying = [
        await walk(of_its_own(environ, name), tmp_path / name, works, dies=name == "dying")
        for name in ("calm", "dying")
    ]
    assert not {"topic dead", "topic retry.5s"} & {where for where, _ in calm.state}
    assert sorted(calm.state - dying.state) == []
    assert sorted(dying.state - calm.state) == []
    for app, points in calm.points.items():
        assert points <= dying.points[app], f"{app} did not die everywhere"
    assert calm.deaths == 0
    assert dying.deaths == sum(map(len, dying.points.values()))


def of_its_own(environ: dict[str, str], name: str) -> dict[str, str]:
    """A namespace beside that of the other tests, in which media may go soon."""
    namespace = Settings.from_env(environ).namespace + name
    chosen = {"INSTASTREAM_NAMESPACE": namespace, "INSTASTREAM_MEDIA_GRACE_S": str(GRACE_S)}
    return environ | chosen
