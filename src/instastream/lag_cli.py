"""`instastream lag`: how far each worker is behind."""

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from instastream import shell
from instastream.deps import now_ms
from instastream.lag import TopicLag, lag_of_all
from instastream.process import complete
from instastream.terminal import Steps, show


def lag(
    *,
    by_partition: Annotated[bool, Parameter(name="--partitions", negative="")] = False,
    as_json: shell.AsJson = False,
) -> None:
    """Say how far each worker is behind in what it reads: in events, and in seconds.

    Asks Kafka alone: also about workers that do not run. Seconds are the age of the oldest event
    that is not done; what a worker has done but not committed yet counts, half a second's worth.

    **Examples**

        instastream lag
        # where it is stuck: an offset that stands still
        instastream lag --partitions
        instastream lag --json | jq 'map(select(.events > 0))'

    Parameters
    ----------
    by_partition
        And each partition that something is left of.
    """
    settings = shell.settings()
    with Steps() as steps:
        steps.report("asking Kafka", 0, 1)
        found = complete(lag_of_all(settings, now_ms=now_ms()))
        steps.report("asking Kafka", 1, 1)
    show(found, lag_table(found, by_partition=by_partition), as_json=as_json)


def lag_table(found: list[TopicLag], *, by_partition: bool) -> Table:
    """A row for each topic of each worker, or for each partition that something is left of."""
    table = Table("worker", "topic", title="What workers have not done", title_justify="left")
    if by_partition:
        for heading in ("partition", "committed", "end", "events"):
            table.add_column(heading, justify="right")
        for one in found:
            for part in one.partitions:
                numbers = (part.partition, part.committed, part.end, part.events)
                table.add_row(one.app, one.topic, *map(str, numbers))
    else:
        for heading in ("events", "seconds"):
            table.add_column(heading, justify="right")
        for one in found:
            seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
            table.add_row(one.app, one.topic, str(one.events), seconds)
    table.caption = f"{sum(one.events for one in found)} events in all"
    return table
