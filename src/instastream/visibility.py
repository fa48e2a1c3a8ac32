"""Who may see what: pure judgements on what was fetched before."""

from collections.abc import Set
from typing import Literal

from instastream.ids import UserId
from instastream.relations import Relations
from instastream.stores.users import User

Hindrance = Literal["blocked-by", "blocks", "private"]


def hindrance(reader: UserId, user: User, relations: Relations) -> Hindrance | None:
    """What keeps a reader from an account: its posts, whom it follows and who follows it."""
    if user.user_id == reader:
        return None
    if user.user_id in relations.blocked_by:
        return "blocked-by"
    if user.user_id in relations.blocks:
        return "blocks"
    if user.private and user.user_id not in relations.following:
        return "private"
    return None


def sees(reader: UserId, author: User, relations: Relations, *, is_ready: bool) -> bool:
    """Whether a reader sees a post that is not deleted where they ask for it, or for its author's.

    One that is not ready is its author's alone.
    """
    return author.user_id == reader or (is_ready and hindrance(reader, author, relations) is None)


def walled_off(relations: Relations) -> Set[UserId]:
    """Those of whom a reader sees nothing in what others share, nor they of the reader."""
    return relations.blocks | relations.blocked_by


def feed_shows(author_id: UserId, relations: Relations) -> bool:
    """Whether an author's ready posts belong in a reader's feed.

    Who follows sees what is private, so this needs no profile.
    """
    walls = (relations.mutes, relations.blocks, relations.blocked_by)
    return author_id in relations.following and not any(author_id in wall for wall in walls)
