"""Where chores are led one worker does them: the one that has the first partition."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from instastream.deps import memory_deps
from instastream.events import UserJoined
from streams.single import EventApp
from streams.worker import Partition
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import NoRenderer
from tests.unit.delivering import Handled, without_servers


class Consumer:
    """Faust's, of some partitions."""

    def __init__(self) -> None:
        self.has: set[Partition] = set()

    def assignment(self) -> set[Partition]:
        return self.has


@pytest.fixture(scope="module")
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture(scope="module")
def apps(consumer: Consumer) -> Iterator[dict[str, EventApp]]:
    """One for all tests: their metrics are the process's."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTASTREAM_NAMESPACE", "t1")
        patch.setattr(EventApp, "consumer", property(lambda app: consumer))
        for led_by in ("", "users"):
            without_servers(patch, CollectorRegistry())
            made[led_by] = EventApp("unit", {UserJoined: Handled()}, in_flight=1, led_by=led_by)
        yield made


@pytest.mark.parametrize(
    ("led_by", "has", "done"),
    [
        ("users", set(), False),
        (
            "users",
            {Partition("t1.users", 1), Partition("t1.posts", 0), Partition("users", 0)},
            False,
        ),
        ("users", {Partition("t1.users", 0)}, True),
        ("", set(), True),
    ],
    ids=["none", "others", "the-first", "not-led"],
)
async def test_chores_are_done_by_whoever_has_the_first_partition(
    apps: dict[str, EventApp], consumer: Consumer, led_by: str, has: set[Partition], done: bool
) -> None:
    did = []

    async def chore(deps: object) -> None:
        did.append(deps)

    app, consumer.has = apps[led_by], has
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        app.deps = deps
        await app._do(chore, app.metrics.chore_failures("chore"))
    assert did == [deps] * done
