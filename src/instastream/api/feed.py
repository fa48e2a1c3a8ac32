"""The feed: what those whom someone follows posted."""

from instastream import queries
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.api.pages import PageQuery, answer_page
from instastream.api.views import Page


async def read(asked: Asked[PageQuery, Nothing]) -> Answer[Page]:
    """A page of the feed of whoever asks."""
    page = await queries.read_feed(
        asked.viewer, before=asked.query.before, limit=asked.query.limit, deps=asked.deps
    )
    return answer_page(page, "/v1/feed", asked)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/feed",
        summary="Read the own feed, newest first",
        endpoint=read,
        query=PageQuery,
        body=Nothing,
        shown=Page,
        headers=("link",),
        problems=("invalid-cursor",),
    ),
)
