"""Patterns and integers, as Python and as JSON Schema spell them.

Patterns are written with a last `$`, which in JSON Schema (ECMAScript) ends a text. In Python it
also matches before a last newline: there they end in `\\Z`.
"""

from typing import Any


def whole(pattern: str) -> str:
    """The pattern, for Python."""
    return pattern.removesuffix("$") + r"\Z"


def published(schema: Any) -> Any:
    """A JSON Schema, or part of one, as it is published."""
    match schema:
        case {"type": "number", "multipleOf": 1, **rest}:
            return published(rest) | {"type": "integer"}
        case {"pattern": str(pattern), **rest}:
            return published(rest) | {"pattern": pattern.replace(r"\Z", "$")}
        case dict():
            return {name: published(part) for name, part in schema.items()}
        case list():
            return [published(part) for part in schema]
        case _:
            return schema
