"""How lists are asked for page by page, and how a page says where the next one is."""

from urllib.parse import urlencode

from msgspec import UNSET, Struct, UnsetType

from instastream import profiles, queries
from instastream.api.cursors import before_of, user_before, users_cursor
from instastream.api.fields import SIZE_DEFAULT, SIZES, Cursor, PageLength, Size, UsersCursor
from instastream.api.operations import Answer, Asked, Nothing
from instastream.api.views import Page, Users, show_page, show_user
from instastream.ids import PostId
from instastream.limits import PAGE_LENGTH_DEFAULT


class SizeQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to show a post."""

    size: Size = SIZE_DEFAULT

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"Expected one of {', '.join(SIZES)} - at `$.size`")


class PageQuery(SizeQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list to show, and how."""

    limit: PageLength = PAGE_LENGTH_DEFAULT
    cursor: Cursor | UnsetType = UNSET

    @property
    def before(self) -> PostId | None:
        """The post that the page comes after; raises Rejected("invalid-cursor")."""
        return None if self.cursor is UNSET else before_of(self.cursor)


def answer_page(page: queries.Page, path: str, asked: Asked[PageQuery, Nothing]) -> Answer[Page]:
    """A page, and a Link to the next one."""
    query = asked.query
    shown = show_page(page, viewer=asked.viewer, url=asked.media_url, size=query.size)
    if shown.next_cursor is None:
        return Answer(shown)
    target = {"limit": query.limit, "size": query.size, "cursor": shown.next_cursor}
    return Answer(shown, {"link": f'<{path}?{urlencode(target)}>; rel="next"'})


class UsersQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list of users to show."""

    limit: PageLength = PAGE_LENGTH_DEFAULT
    cursor: UsersCursor | UnsetType = UNSET


def after_of(path: str, asked: Asked[UsersQuery, Nothing]) -> str:
    """The user that the page comes after, "" at first; raises Rejected("invalid-cursor")."""
    if asked.query.cursor is UNSET:
        return ""
    return user_before(asked.query.cursor, place=_place(path, asked), key=_key(asked))


def answer_users(
    people: profiles.People, path: str, asked: Asked[UsersQuery, Nothing]
) -> Answer[Users]:
    """A page of users, and a Link to the next one."""
    users = [show_user(user) for user in people.users]
    if people.after is None:
        return Answer(Users(users, None))
    cursor = users_cursor(people.after, place=_place(path, asked), key=_key(asked))
    target = {"limit": asked.query.limit, "cursor": cursor}
    return Answer(Users(users, cursor), {"link": f'<{path}?{urlencode(target)}>; rel="next"'})


def _place(path: str, asked: Asked[UsersQuery, Nothing]) -> str:
    return f"{asked.viewer} {path}"


def _key(asked: Asked[UsersQuery, Nothing]) -> bytes:
    return asked.deps.settings.token_key
