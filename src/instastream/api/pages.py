"""How lists are asked for page by page, and how a page says where the next one is."""

from urllib.parse import urlencode

from msgspec import UNSET, Struct, UnsetType

from instastream import queries
from instastream.api.cursors import before_of
from instastream.api.fields import SIZE_DEFAULT, SIZES, Cursor, PageLength, Size
from instastream.api.operations import Answer, Asked, Nothing
from instastream.api.views import Page, show_page
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
