"""Events survive the wire, and what is not an event is corrupt."""

import json
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Corrupt
from instastream.events import EVENTS, Event, UploadFinalized, decode, encode, headers, type_of
from instastream.ids import MediaId, PostId, UserId

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
snowflakes = st.integers(10**18, 9 * 10**18 - 1).map(str)

uploads = st.builds(
    UploadFinalized,
    at_ms=st.integers(0, 2**41),
    media_id=st.builds(lambda n: MediaId(str(UUID(int=n))), st.integers(0, 2**128 - 1)),
    post_id=snowflakes.map(PostId),
    author_id=snowflakes.map(UserId),
    content_type=st.sampled_from(["image/jpeg", "image/png"]),
    size_bytes=st.integers(0, 10**8),
    caption=st.text(),
    alt_text=st.text(),
)


@given(uploads)
def test_an_event_survives_the_wire(event: UploadFinalized) -> None:
    assert decode(encode(event)) == event
    assert json.loads(encode(event))["type"] == "upload.finalized.v1"


@given(uploads, uploads)
def test_the_same_fact_has_the_same_id_and_another_has_another(
    one: UploadFinalized, other: UploadFinalized
) -> None:
    ids = [dict(headers(event, TRACE))["ce_id"] for event in (one, one, other)]
    assert ids[0] == ids[1]
    assert (ids[0] == ids[2]) == (one == other)


def test_headers_are_cloudevents_and_carry_the_trace() -> None:
    event = _upload()
    assert [name for name, _ in headers(event, TRACE)] == [
        "ce_specversion",
        "ce_type",
        "ce_source",
        "ce_id",
        "content-type",
        "traceparent",
    ]
    assert dict(headers(event, TRACE))["traceparent"] == TRACE.encode()


def test_a_field_that_a_later_version_added_is_ignored() -> None:
    fields = json.loads(encode(_upload())) | {"added_later": 1}
    assert decode(json.dumps(fields).encode()) == _upload()


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\xff\x00",
        b"{}",
        b"[]",
        b'{"type":"unheard.of.v1","at_ms":1}',
        b'{"type":"upload.finalized.v1"}',
        encode(
            UploadFinalized(
                media_id=MediaId("not-a-uuid"),
                post_id=PostId("1" * 19),
                author_id=UserId("1" * 19),
                content_type="image/jpeg",
                size_bytes=1,
                caption="",
                alt_text="",
                at_ms=1,
            )
        ),
    ],
)
def test_what_is_not_an_event_is_corrupt(raw: bytes | None) -> None:
    with pytest.raises(Corrupt) as raised:
        decode(raw)
    assert raised.value.reason == "not-an-event"


@pytest.mark.parametrize("event", EVENTS, ids=type_of)
def test_every_event_names_its_version_its_topic_and_its_key(event: type[Event]) -> None:
    assert type_of(event).rpartition(".v")[2].isdecimal()
    assert event.topic
    fields = {field.name for field in msgspec.structs.fields(event)}
    assert event.key_field in fields or hasattr(event, event.key_field)


def _upload() -> UploadFinalized:
    return UploadFinalized(
        media_id=MediaId(str(UUID(int=1))),
        post_id=PostId("1" * 19),
        author_id=UserId("2" * 19),
        content_type="image/jpeg",
        size_bytes=5,
        caption="",
        alt_text="",
        at_ms=1,
    )
