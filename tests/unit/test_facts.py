"""What may stand in an event: ids that are whole."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from instastream.errors import Corrupt
from instastream.events import EVENTS, decode, encode, type_of
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
