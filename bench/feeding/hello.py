"""The least that Starlette can answer, served as the API is."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request: Request) -> PlainTextResponse:
    """Hello."""
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/", hello)])
