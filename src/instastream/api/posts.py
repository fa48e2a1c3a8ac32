"""Posts: make an upload one, look at one, and at all of a user's."""

from msgspec import Struct

from instastream import commands, queries
from instastream.api.fields import AltText, Caption, UploadId
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.api.pages import PageQuery, SizeQuery, answer_page
from instastream.api.views import Page, Post, show_post
from instastream.commands import Draft
from instastream.ids import parse_post_id, parse_user_id


class NewPost(Struct, frozen=True, forbid_unknown_fields=True):
    """What an author says of an upload."""

    media_id: UploadId
    caption: Caption = ""
    alt_text: AltText = ""


async def finalize(asked: Asked[Nothing, NewPost]) -> Answer[Post]:
    """The post, as yet without its media."""
    new, deps = asked.body, asked.deps
    draft = Draft(media_id=new.media_id, caption=new.caption, alt_text=new.alt_text)
    post = await commands.finalize(
        asked.viewer, draft, idempotency_key=asked.idempotency_key, deps=deps
    )
    shown = show_post(post, viewer=asked.viewer, settings=deps.settings)
    return Answer(shown, {"location": f"/v1/posts/{post.post_id}"})


async def get(asked: Asked[SizeQuery, Nothing]) -> Answer[Post]:
    """A post, if whoever asks may see it."""
    viewer, deps = asked.viewer, asked.deps
    post = await queries.get_post(parse_post_id(asked.path["post_id"]), viewer, deps)
    return Answer(show_post(post, viewer=viewer, settings=deps.settings, size=asked.query.size))


async def by_user(asked: Asked[PageQuery, Nothing]) -> Answer[Page]:
    """Those of a user's posts that whoever asks may see."""
    author_id = parse_user_id(asked.path["user_id"])
    page = await queries.read_timeline(
        author_id,
        asked.viewer,
        before=asked.query.before,
        limit=asked.query.limit,
        deps=asked.deps,
    )
    return answer_page(page, f"/v1/users/{author_id}/posts", asked)


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/posts",
        summary="Finalize: make an upload a post; again answers the same post",
        endpoint=finalize,
        query=Nothing,
        body=NewPost,
        shown=Post,
        status=202,
        headers=("location",),
        problems=(
            "upload-not-found",
            "upload-missing",
            "upload-mismatch",
            "upload-expired",
            "upload-already-used",
            "idempotency-key-reused",
        ),
        idempotency_key=True,
    ),
    Operation(
        method="GET",
        path="/v1/posts/{post_id}",
        summary="Look at a post",
        endpoint=get,
        query=SizeQuery,
        body=Nothing,
        shown=Post,
        problems=("post-not-found",),
    ),
    Operation(
        method="GET",
        path="/v1/users/{user_id}/posts",
        summary="Look at a user's posts, newest first",
        endpoint=by_user,
        query=PageQuery,
        body=Nothing,
        shown=Page,
        headers=("link",),
        problems=("user-not-found", "invalid-cursor"),
    ),
)
