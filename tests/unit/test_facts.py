"""What may stand in an event: ids that are whole, and numbers that can be kept and shown."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from instastream.api.fields import timestamp
from instastream.errors import Corrupt
from instastream.events import EVENTS, decode, encode, type_of
from instastream.limits import (
    AT_MS_MAX,
    COMMENT_BUCKET_MAX,
    COMMENT_LIKE_SHARDS,
    FANOUT_BUCKETS_MAX,
    LIKE_SHARDS_MAX,
)
from instastream.schemas import Json, event_schema

UUID = "6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"
ID = "1571234567890123456"

Path = tuple[str | int, ...]


def any_of(schema: Json, types: Json) -> Any:
    """Something that fits a schema, with everything in it that may be."""
    match schema:
        case {"$ref": reference}:
            return any_of(types[reference.rpartition("/")[2]], types)
        case {"enum": [one, *_]} | {"anyOf": [{"enum": [one, *_]}, *_]}:
            return one
        case {"anyOf": [*kinds]}:
            return any_of(next(kind for kind in kinds if kind != {"type": "null"}), types)
        case {"type": "object", "properties": fields}:
            return {name: any_of(field, types) for name, field in fields.items()}
        case {"type": "array", "items": one}:
            return [any_of(one, types)]
        case {"pattern": pattern}:
            return UUID if "f" in pattern else ID
        case _:
            return {"string": "words", "integer": 1, "boolean": True}[schema["type"]]


SAMPLES: dict[str, Json] = {}
for event in EVENTS:
    schema = event_schema(event)
    SAMPLES[type_of(event)] = any_of(schema, schema["$defs"])


def paths(value: Any, wanted: type, path: Path = ()) -> Iterator[Path]:
    """Where there are such values in an event."""
    if type(value) is wanted:
        yield path
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, wanted, (*path, name))


def at(value: Any, path: Path) -> Any:
    """What stands there."""
    for name in path:
        value = value[name]
    return value


def having(name: str, path: Path, value: object) -> bytes:
    """An event with something else there."""
    changed = deepcopy(SAMPLES[name])
    at(changed, path[:-1])[path[-1]] = value
    return json.dumps(changed).encode()


def spelled(path: Path) -> str:
    """As msgspec spells it."""
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path)


IDS = [
    (name, path)
    for name, sample in SAMPLES.items()
    for path in paths(sample, str)
    if at(sample, path) in (ID, UUID)
]


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_with_everything_in_it_survives_the_wire(name: str) -> None:
    sample = SAMPLES[name]
    assert json.loads(encode(decode(json.dumps(sample).encode()))) == sample


@pytest.mark.parametrize(("name", "path"), IDS, ids=[f"{name}{spelled(at)}" for name, at in IDS])
def test_an_id_with_a_newline_after_it_is_corrupt(name: str, path: Path) -> None:
    """It would be another user, counted beside the one whose id it is."""
    one = at(SAMPLES[name], path)
    with pytest.raises(Corrupt, match="matching regex") as raised:
        decode(having(name, path, one + "\n"))
    assert str(raised.value).endswith(f"at `${spelled(path)}`")


LIMITS = [
    *((name, "at_ms", AT_MS_MAX) for name in SAMPLES),
    *((name, "bucket", COMMENT_BUCKET_MAX) for name in SAMPLES if "reply_to" in SAMPLES[name]),
    *((f"comment.{done}.v1", "shards", COMMENT_LIKE_SHARDS) for done in ("liked", "unliked")),
    *((f"post.{done}.v1", "shards", LIKE_SHARDS_MAX) for done in ("liked", "unliked")),
    ("fanout.page.v1", "buckets", FANOUT_BUCKETS_MAX - SAMPLES["fanout.page.v1"]["bucket"]),
]


@pytest.mark.parametrize(("name", "field", "limit"), LIMITS)
def test_a_number_that_cannot_be_kept_or_shown_is_corrupt(
    name: str, field: str, limit: int
) -> None:
    for number in (limit - 1, limit):
        if number > 0:
            assert getattr(decode(having(name, (field,), number)), field) == number
    for number in (limit + 1, 1 << 70):
        with pytest.raises(Corrupt, match=rf"Expected `int` <= \d+ - at `\$\.{field}`"):
            decode(having(name, (field,), number))


def test_the_last_moment_of_an_event_is_one_that_can_be_shown() -> None:
    assert timestamp(AT_MS_MAX).year == 9999
    with pytest.raises(ValueError, match="year 10000"):
        timestamp(AT_MS_MAX + 1)
