"""What is fetched of a topic, and which trace it belongs to."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias

from aiokafka.structs import ConsumerRecord

from instastream.limits import LOGGED_TRACES_MAX
from instastream.tracing import TRACEPARENT, Work, begin, messaging

Fetched: TypeAlias = ConsumerRecord


def headers_of(record: Fetched) -> list[tuple[str, bytes]]:
    """A record's headers; there may be none."""
    return list(record.headers or [])


def traceparent_of(record: Fetched) -> str:
    """The trace that led to a record, empty where it says none."""
    return (dict(headers_of(record)).get("traceparent") or b"").decode("latin-1")


def handling(topic: str, records: Sequence[Fetched]) -> Work:
    """What is done about records of a topic belongs to the trace that led to the first of them."""
    first = records[0]
    others = map(traceparent_of, islice(records, 1, LOGGED_TRACES_MAX))
    work = begin("consumer", traceparent_of(first), others)
    if work.told:
        work.tell(
            f"handle {topic}",
            **messaging(topic),
            messaging__destination__partition__id=str(first.partition),
            messaging__kafka__offset=first.offset,
            messaging__batch__message_count=len(records),
        )
    return work


def place_of(record: Fetched) -> dict[str, object]:
    """Where a record stands, and its trace, for a line that is logged about it."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    return {**place, **_trace_of(record)}


def places_of(records: Sequence[Fetched]) -> dict[str, object]:
    """The same of records of one partition: the first and the last, and the traces of some."""
    traces = {trace["trace_id"] for record in records if (trace := _trace_of(record))}
    return {
        "topic": records[0].topic,
        "partition": records[0].partition,
        "offset": records[0].offset,
        "last_offset": records[-1].offset,
        "trace_ids": sorted(traces)[:LOGGED_TRACES_MAX],
    }


def _trace_of(record: Fetched) -> dict[str, str]:
    known = TRACEPARENT.fullmatch(traceparent_of(record))
    return {"trace_id": known[1], "parent_id": known[2]} if known else {}
