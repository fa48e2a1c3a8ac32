"""What is published can be relied on: events fit it, and no change breaks it unseen."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from instastream import schemas
from instastream.errors import InstastreamError
from instastream.events import EVENTS, Event, MediaReady, encode, type_of
from instastream.schemas import Json
from tests.unit.test_events import uploads


@pytest.fixture
def published(tmp_path: Path) -> Path:
    schemas.write(tmp_path)
    return tmp_path


@given(uploads)
def test_every_event_in_the_log_fits_its_schema(event: Event) -> None:
    schema = schemas.event_schema(type(event))
    Draft202012Validator(schema).validate(json.loads(encode(event)))


def test_what_was_written_is_up_to_date(published: Path) -> None:
    assert schemas.outdated(published) == []
    assert schemas.write(published) == []


def remove_a_field(old: Json) -> None:
    old["properties"]["gone"] = {"type": "string"}


def change_a_type(old: Json) -> None:
    old["properties"]["digest"] = {"type": "integer"}


def require_a_new_field(old: Json) -> None:
    del old["properties"]["digest"]
    old["required"].remove("digest")


def require_a_field_that_could_be_missing(old: Json) -> None:
    old["required"].remove("digest")


def no_longer_require_a_field(old: Json) -> None:
    old["properties"]["late"] = {"type": "string"}
    old["required"].append("late")


@pytest.mark.parametrize(
    "was",
    [
        remove_a_field,
        change_a_type,
        require_a_new_field,
        require_a_field_that_could_be_missing,
        no_longer_require_a_field,
    ],
)
def test_a_change_that_breaks_readers_or_records_is_refused(
    published: Path, was: Callable[[Json], None]
) -> None:
    """`was` makes of today's contract the one from which today's would be the change."""
    path = published / f"{type_of(MediaReady)}.json"
    old = json.loads(path.read_text())
    was(old["$defs"]["MediaReady"])
    path.write_text(json.dumps(old))
    assert schemas.outdated(published) == [path.name]
    with pytest.raises(InstastreamError, match=r"media\.ready\.v1\.json: MediaReady\."):
        schemas.write(published)
    assert json.loads(path.read_text()) == old


def test_an_event_that_is_gone_is_refused(published: Path) -> None:
    gone = json.loads((published / f"{type_of(MediaReady)}.json").read_text())
    (published / "media.burnt.v1.json").write_text(json.dumps(gone))
    assert schemas.outdated(published) == ["media.burnt.v1.json"]
    with pytest.raises(InstastreamError, match=r"media\.burnt\.v1\.json: MediaReady is gone"):
        schemas.write(published)


def test_a_field_may_be_added_with_a_default(published: Path) -> None:
    path = published / f"{type_of(MediaReady)}.json"
    old = json.loads(path.read_text())
    new = copy.deepcopy(old)
    new["$defs"]["MediaReady"]["properties"]["blur"] = {"type": "string", "default": ""}
    assert schemas.breaking(old, new) == []


def test_asyncapi_names_every_event_in_its_topic() -> None:
    document = schemas.asyncapi()
    for event in EVENTS:
        assert type_of(event) in document["channels"][event.topic]["messages"]
        payload = document["components"]["messages"][type_of(event)]["payload"]["$ref"]
        assert payload in schemas.documents()
    assert msgspec.json.decode(msgspec.json.encode(document)) == document
