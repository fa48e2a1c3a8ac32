"""Topics, tables and bucket are made once; a number of partitions is not changed by accident."""

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from infra import provision as provisioning
from infra.provision import provision, topics
from instastream.errors import Unready
from instastream.settings import Settings
from instastream.stores.s3 import open_client


async def partitions(settings: Settings) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        described = await admin.describe_topics([settings.prefix + name for name in topics()])
    finally:
        await admin.close()
    return {
        topic["topic"].removeprefix(settings.prefix): len(topic["partitions"])
        for topic in described
    }


async def test_provisioning_again_changes_nothing(settings: Settings) -> None:
    before = await partitions(settings)
    assert before == {name: topic.partitions for name, topic in topics().items()}
    await provision(settings)
    assert await partitions(settings) == before


@pytest.mark.parametrize("count", [11, 13])
async def test_another_number_of_partitions_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    before = await partitions(settings)
    other = topics()
    other["graph"] = msgspec.structs.replace(other["graph"], partitions=count)
    monkeypatch.setattr(provisioning, "topics", lambda: other)
    with pytest.raises(Unready, match=f"graph has 12 partitions and topics.toml says {count}"):
        await provision(settings)
    assert await partitions(settings) == before


async def test_the_bucket_drops_parts_that_nobody_completes(settings: Settings) -> None:
    async with open_client(settings) as client:
        kept = await client.get_bucket_lifecycle_configuration(Bucket=settings.bucket)
    assert kept["Rules"] == provisioning.LIFECYCLE["Rules"]
