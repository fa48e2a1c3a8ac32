"""The feed: what those whom someone follows posted."""

from instastream.api.operations import Answer, Asked, Encoded, Nothing, Operation
from instastream.api.pages import PageQuery, answer_page, before
from instastream.api.views import Page
from instastream.ids import parse_post_id
from instastream.limits import EXPLAINED_RECORDS_MAX
from instastream.pacing import pace
from instastream.reading import pages
from instastream.reading.evidence import gather
from instastream.reading.explaining import Verdict, decide, reveal


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


async def explain(asked: Asked[Nothing, Nothing]) -> Answer[Verdict]:
    """Why a post is in the own feed or is not, as far as whoever asks may know."""
    post_id = parse_post_id(asked.path["post_id"])
    await pace("explanations", asked.viewer, asked.deps)
    facts = await gather(asked.viewer, post_id, asked.deps, records_max=EXPLAINED_RECORDS_MAX)
    return Answer(reveal(decide(facts), facts))


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
    Operation(
        method="GET",
        path="/v1/feed/explain/{post_id}",
        summary="Say why a post is in the own feed or is not",
        endpoint=explain,
        query=Nothing,
        body=Nothing,
        shown=Verdict,
        paces=("explanations",),
    ),
)
