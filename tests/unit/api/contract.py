"""Whether an answer is one that the OpenAPI document describes."""

import re
from typing import Any

from httpx2 import Response
from jsonschema import Draft202012Validator

from instastream.api import openapi
from instastream.api.problems import MEDIA_TYPE

Json = dict[str, Any]
WITHOUT_OPERATION = ("/problems/not-found", "/problems/method-not-allowed")


async def check_answer(response: Response) -> None:
    """Raise unless status, headers and body are documented for what was asked."""
    await response.aread()
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", response.headers["traceparent"])
    operation = operation_of(response.request.method, response.request.url.path)
    if operation is None:
        assert response.headers["content-type"] == MEDIA_TYPE
        assert response.json()["type"] in WITHOUT_OPERATION
        return
    described = operation["responses"][str(response.status_code)]
    for name, reference in described["headers"].items():
        if header_of(reference)["required"]:
            assert name in response.headers, name
    content = described.get("content", {})
    if not content:
        assert response.content == b""
        return
    media = content[response.headers["content-type"]]
    if response.headers["content-type"].endswith("json") and response.request.method != "HEAD":
        validate(response.json(), media["schema"])


def operation_of(method: str, path: str) -> Json | None:
    """What the document says of a method of a path."""
    for template, methods in openapi.document()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found = methods.get("get" if method == "HEAD" else method.lower())
            return dict(found) if found else None
    return None


def header_of(reference: Json) -> Json:
    """The header that is referred to."""
    name = reference["$ref"].rpartition("/")[2]
    return dict(openapi.document()["components"]["headers"][name])


def validate(instance: Any, schema: Json) -> None:
    """Raise unless an instance is as a schema of the document says."""
    whole = schema | {"components": openapi.document()["components"]}
    Draft202012Validator(whole).validate(instance)
