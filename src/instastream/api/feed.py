"""The feed: what those whom someone follows posted."""

from instastream.api.operations import Answer, Asked, Encoded, Nothing, Operation
from instastream.api.pages import PageQuery, answer_page, before
from instastream.api.views import Page
from instastream.reading import pages


async def read(asked: Asked[PageQuery, Nothing]) -> Answer[Encoded]:
    """A page of the feed of whoever asks."""
    of = f"feed/{asked.viewer}"
    page = await pages.read_feed(
        asked.viewer,
        before=before(asked, of=of),
        limit=asked.query.limit,
        size=asked.query.size,
        known=asked.known,
        deps=asked.deps,
    )
    return answer_page(page, "/v1/feed", asked, of=of)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/feed",
        summary="Read the own feed, newest first",
        endpoint=read,
        query=PageQuery,
        body=Nothing,
        shown=Page,
        headers=("link", "etag", "cache-control"),
        problems=("invalid-cursor",),
        conditional=True,
    ),
)
