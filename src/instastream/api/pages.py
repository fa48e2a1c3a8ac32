"""How lists are asked for page by page, and how a page says where the next one is."""

from msgspec import UNSET, Struct, UnsetType

from instastream import profiles
from instastream.api.cursors import link_after, place_of
from instastream.api.fields import SIZE_DEFAULT, SIZES, Cursor, PageLength, Size, UsersCursor
from instastream.api.operations import Answer, Asked, Encoded, Nothing
from instastream.api.views import Users, show_user
from instastream.ids import PostId
from instastream.limits import PAGE_LENGTH_DEFAULT
from instastream.reading.pages import Page


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


def before(asked: Asked[PageQuery, Nothing], *, of: str) -> PostId | None:
    """The post that a page of a list comes after; raises Rejected("invalid-cursor")."""
    place = place_of(asked.query.cursor, of=of, key=_key(asked))
    return None if place is None else PostId(place)


class UsersQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list of users to show."""

    limit: PageLength = PAGE_LENGTH_DEFAULT
    cursor: UsersCursor | UnsetType = UNSET


def after_of(path: str, asked: Asked[UsersQuery, Nothing]) -> str:
    """The user that the page comes after, "" at first; raises Rejected("invalid-cursor")."""
    return place_of(asked.query.cursor, of=_place(path, asked), key=_key(asked)) or ""


def answer_users(
    people: profiles.People, path: str, asked: Asked[UsersQuery, Nothing]
) -> Answer[Users]:
    """A page of users, and a Link to the next one."""
    users = [show_user(user) for user in people.shown]
    if people.after is None:
        return Answer(Users(users, None))
    target = f"{path}?limit={asked.query.limit}"
    cursor, link = link_after(people.after, target, of=_place(path, asked), key=_key(asked))
    return Answer(Users(users, cursor), {"link": link})


def _place(path: str, asked: Asked[UsersQuery, Nothing]) -> str:
    return f"{asked.viewer} {path}"


def _key(asked: Asked[UsersQuery, Nothing] | Asked[PageQuery, Nothing]) -> bytes:
    return asked.deps.settings.token_key


def answer_page(
    page: Page, path: str, asked: Asked[PageQuery, Nothing], *, of: str
) -> Answer[Encoded]:
    """A page in the bytes that its posts are kept in, and a Link to the next one.

    No content where it is the one that whoever asks has already.
    """
    headers = {"etag": f'"{page.tag}"', "cache-control": "private, no-cache"}
    following = b"null"
    if page.after:
        target = f"{path}?limit={asked.query.limit}&size={asked.query.size}"
        cursor, headers["link"] = link_after(page.after, target, of=of, key=_key(asked))
        following = b'"%b"' % cursor.encode()
    if _has(asked.if_none_match, headers["etag"]):
        return Answer(None, headers)
    parts = [b'{"posts":[', b'],"next_cursor":', following, b"}"]
    parts[1:1] = _between(page.bodies, page.numbers)
    return Answer(b"".join(parts), headers)


def _between(bodies: list[bytes], numbers: list[bytes]) -> list[bytes]:
    """Each body, its numbers and a comma, but for the last: joined once, as these are 30 kB."""
    parts = [b","] * (3 * len(bodies))
    parts[::3], parts[1::3] = bodies, numbers
    return parts[:-1]


def _has(if_none_match: str | None, tag: str) -> bool:
    """RFC 9110: any of several tags, compared weakly."""
    if if_none_match is None:
        return False
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in tags or "*" in tags
