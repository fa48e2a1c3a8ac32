"""Likes: of posts, and of comments on them; and who likes a post."""

from instastream import liking, profiles
from instastream.api.operations import NOTHING, Answer, Asked, Nothing
from instastream.api.pages import UsersQuery, after_of, answer_users
from instastream.api.people import change, listing
from instastream.api.views import Users
from instastream.ids import CommentId, PostId, newest, parse_comment_id, parse_post_id


async def like(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asks likes the post."""
    await liking.like(asked.viewer, _post(asked), asked.known, asked.deps)
    return Answer(NOTHING)


async def unlike(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asks does not like the post."""
    await liking.unlike(asked.viewer, _post(asked), asked.known, asked.deps)
    return Answer(NOTHING)


async def like_comment(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asks likes the comment."""
    await liking.like_comment(asked.viewer, _post(asked), _comment(asked), asked.known, asked.deps)
    return Answer(NOTHING)


async def unlike_comment(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asks does not like the comment."""
    await liking.unlike_comment(
        asked.viewer, _post(asked), _comment(asked), asked.known, asked.deps
    )
    return Answer(NOTHING)


async def likers(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those who like a post, as far as it is counted."""
    post_id = parse_post_id(asked.path["post_id"])
    path = f"/v1/posts/{post_id}/likes"
    people = await profiles.likers(
        post_id,
        asked.viewer,
        before=after_of(path, asked) or newest(asked.deps.now_ms()),
        limit=asked.query.limit,
        deps=asked.deps,
    )
    return answer_users(people, path, asked)


def _post(asked: Asked[Nothing, Nothing]) -> PostId:
    return parse_post_id(asked.path["post_id"])


def _comment(asked: Asked[Nothing, Nothing]) -> CommentId:
    return parse_comment_id(asked.path["comment_id"])


POST = "/v1/posts/{post_id}"
COMMENT = f"{POST}/comments/{{comment_id}}"
HINDRANCES = ("post-not-found", "post-not-ready")
PACES = ("likes",)
PACES_OF_ENDS = (*PACES, "unlikes")

OPERATIONS = (
    change("PUT", f"{POST}/like", "Like a post", like, *HINDRANCES, paces=PACES),
    change(
        "DELETE",
        f"{POST}/like",
        "Like a post no longer",
        unlike,
        *HINDRANCES,
        paces=PACES_OF_ENDS,
    ),
    listing(f"{POST}/likes", "Look at who likes a post, newest first", likers, "post-not-found"),
    change(
        "PUT",
        f"{COMMENT}/like",
        "Like a comment",
        like_comment,
        *HINDRANCES,
        "comment-not-found",
        paces=PACES,
    ),
    change(
        "DELETE",
        f"{COMMENT}/like",
        "Like a comment no longer",
        unlike_comment,
        *HINDRANCES,
        "comment-not-found",
        paces=PACES_OF_ENDS,
    ),
)
