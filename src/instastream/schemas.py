"""The published contracts: JSON Schema of events and histories, AsyncAPI, OpenAPI."""

import json
from pathlib import Path
from typing import Any

import msgspec

from instastream.api import openapi
from instastream.errors import InstastreamError
from instastream.events import EVENTS, Event, type_of
from instastream.load.checks.histories import Entry
from instastream.spelling import published

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HISTORY = "load/history.json"


def documents() -> dict[str, Json]:
    """Every contract by file name."""
    events = {f"{type_of(event)}.json": event_schema(event) for event in EVENTS}
    apis = {"asyncapi.json": asyncapi(), "openapi.json": openapi.document()}
    return events | apis | {HISTORY: history_schema()}


def history_schema() -> Json:
    """The JSON Schema of each line of a load run's history."""
    schema = published(msgspec.json.schema(Entry))
    return {"$schema": DIALECT, "$id": HISTORY, **schema}


def event_schema(event: type[Event]) -> Json:
    """The JSON Schema of an event's value in the log."""
    schema = published(msgspec.json.schema(event))
    return {"$schema": DIALECT, "$id": f"{type_of(event)}.json", **schema}


def asyncapi() -> Json:
    """Which events are in which topic, by what key, with what headers."""
    channels: Json = {}
    for event in EVENTS:
        channel = channels.setdefault(event.topic, {"address": event.topic, "messages": {}})
        channel["messages"][type_of(event)] = {"$ref": f"#/components/messages/{type_of(event)}"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "instastream",
            "version": "1",
            "description": "The log that everything else is computed from.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"append-{topic}": {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}
            for topic in channels
        },
        "components": {"messages": {type_of(event): _message(event) for event in EVENTS}},
    }


def _message(event: type[Event]) -> Json:
    return {
        "name": type_of(event),
        "summary": (event.__doc__ or "").splitlines()[0],
        "payload": {"$ref": f"{type_of(event)}.json"},
        "headers": {
            "type": "object",
            "required": ["ce_specversion", "ce_type", "ce_source", "ce_id"],
            "properties": {
                "ce_specversion": {"const": "1.0"},
                "ce_type": {"const": type_of(event)},
                "ce_source": {"const": "instastream"},
                "ce_id": {"type": "string", "description": "Digest of the value."},
                "content-type": {"const": "application/json"},
                "traceparent": {"type": "string", "description": "W3C Trace Context."},
            },
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": event.key_field}}},
    }


def write(folder: Path) -> list[str]:
    """Write every contract that changed; raises when a change would break readers or records."""
    changed, now = outdated(folder), documents()
    for name in changed:
        if problems := breaking(_read(folder / name), now.get(name, {})):
            raise InstastreamError(
                f"{name}: {'; '.join(problems)}: that breaks old readers or old records; "
                "add a new version of the event beside the old one"
            )
    for name in changed:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(now[name]))
    return changed


def outdated(folder: Path) -> list[str]:
    """The contracts whose file is not what the code says, or of which it says nothing any more."""
    now = documents()
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    return [name for name in sorted(there | set(now)) if _read(folder / name) != now.get(name)]


def breaking(old: Json, new: Json) -> list[str]:
    """What an old reader of a new record, or a new reader of an old one, would trip over."""
    problems: list[str] = []
    old_types, new_types = old.get("$defs", {}), new.get("$defs", {})
    for name, schema in old_types.items():
        if name not in new_types:
            problems.append(f"{name} is gone")
            continue
        problems += _breaking_fields(name, schema, new_types[name])
    return problems


def _breaking_fields(name: str, old: Json, new: Json) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    changed = [field for field, schema in before.items() if after.get(field) != schema]
    required = set(old.get("required", [])) ^ set(new.get("required", []))
    return [
        *(f"{name}.{field} changed or is gone" for field in changed),
        *(f"{name}.{field} is no longer as required as it was" for field in sorted(required)),
    ]


def _read(path: Path) -> Json:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
