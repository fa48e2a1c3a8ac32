"""The OpenAPI document says what the API does: no more, no less."""

import re
from typing import Any

import pytest
import schemathesis
from httpx2 import AsyncClient
from jsonschema import Draft202012Validator
from starlette.routing import Route

from instastream.api.app import create_app
from instastream.api.openapi import OPERATIONS, document
from instastream.api.operations import AnyOperation, Nothing
from instastream.api.problems import PROBLEMS
from instastream.deps import Deps
from tests.unit.api.contract import Json, operation_of, validate

by_name = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=[f"{one.method} {one.path}" for one in OPERATIONS]
)


async def test_it_is_served(http: AsyncClient) -> None:
    assert (await http.get("/openapi.json")).json() == document()


def test_it_is_a_valid_document() -> None:
    schemathesis.openapi.from_dict(document()).validate()


def test_its_paths_and_methods_are_the_routes(deps: Deps) -> None:
    routes = {
        (route.path, method)
        for route in create_app(deps).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    documented = {
        (path, method.upper())
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert documented == routes
    assert len(documented) == len(OPERATIONS)


def test_operations_have_names_of_their_own() -> None:
    names = [_described(one)["operationId"] for one in OPERATIONS]
    assert len(set(names)) == len(names)


@by_name
def test_every_parameter_is_documented(operation: AnyOperation) -> None:
    parameters = {(one["in"], one["name"]) for one in _described(operation)["parameters"]}
    path = {("path", name) for name in re.findall(r"{(\w+)}", operation.path)}
    query = {("query", name) for name in operation.query.__struct_fields__}
    header = {("header", "Idempotency-Key")} if operation.idempotency_key else set()
    header |= {("header", "Last-Event-ID")} if operation.resumable else set()
    header |= {("header", "If-None-Match")} if operation.conditional else set()
    assert parameters == path | query | header


@by_name
def test_every_status_is_documented(operation: AnyOperation) -> None:
    problems = {PROBLEMS[slug].status for slug in operation.problems_possible()}
    also = ({202} if operation.accepted else set()) | ({304} if operation.conditional else set())
    statuses = {str(status) for status in problems | {operation.status} | also}
    assert set(_described(operation)["responses"]) == statuses


@by_name
def test_who_must_sign_in_is_documented(operation: AnyOperation) -> None:
    described = _described(operation)
    assert bool(described["security"]) == operation.signed_in
    assert operation.signed_in or "bearer" not in str(described["security"])
    assert ("requestBody" in described) == (operation.body is not Nothing)


def test_every_example_is_valid() -> None:
    schemas = list(_schemas(document()))
    assert len(schemas) > 15
    for schema in schemas:
        for example in schema["examples"]:
            validate(example, schema)


def test_every_pattern_is_ecmascripts() -> None:
    patterns = [schema["pattern"] for schema in _schemas(document(), having="pattern")]
    assert patterns
    assert not [pattern for pattern in patterns if r"\Z" in pattern or "(?" in pattern]


def test_every_schema_is_one() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def _described(operation: AnyOperation) -> Json:
    described = operation_of(operation.method, operation.path)
    assert described is not None
    return described


def _schemas(part: Any, having: str = "examples") -> list[Json]:
    """Every schema somewhere in the document that has examples, or a pattern."""
    match part:
        case dict():
            nested = [one for value in part.values() for one in _schemas(value, having)]
            return [part, *nested] if having in part else nested
        case list():
            return [one for value in part for one in _schemas(value, having)]
        case _:
            return []
