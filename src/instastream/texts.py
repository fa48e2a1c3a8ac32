"""What may be written: which characters, and whom a text mentions. Nothing here asks a store."""

import re
from unicodedata import category

from instastream.errors import Rejected
from instastream.limits import (
    MARKS_MAX,
    MENTIONS_MAX,
    USERNAME_LENGTH_MAX,
    USERNAME_LENGTH_MIN,
)

TEXT_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"  # no control character but \t \n \r
USERNAME_PATTERN = "^[a-z0-9_][a-z0-9_.]*[a-z0-9_]$"

# Not within an address of mail or of another service, nor in a path: all that follows the @, which
# must be a username as it stands.
AT = re.compile(r"(?<![\w.@/+-])@([\w.]++)(?!@)")
MARKS = ("Mn", "Mc", "Me")  # combining marks, which stand on what is before them
UNSEEN = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp", *MARKS)  # controls, formats, surrogates, spaces
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols without ink
TAGS = range(0xE0000, 0xE1000)  # all of them to be ignored, now or when they mean something


def check_readable(text: str) -> None:
    """Raise Rejected unless there is something to be seen in a text, and no pile of marks."""
    if not any(_is_seen(one) for one in text):
        raise Rejected("invalid-request", "text: must hold something that can be seen")
    marks = 0
    for one in text:
        kind = category(one)
        if kind in MARKS:
            marks += 1
        elif kind != "Cf":  # what joins or directs stands under no marks
            marks = 0
        if marks > MARKS_MAX:
            raise Rejected(
                "invalid-request",
                f"text: must hold at most {MARKS_MAX} combining marks on one character",
            )


def _is_seen(one: str) -> bool:
    return category(one) not in UNSEEN and one not in BLANK and ord(one) not in TAGS


def mentioned(text: str) -> list[str]:
    """The usernames that are mentioned as `@username`, each once, in their order.

    Raises Rejected("too-many-mentions").
    """
    names = [run.rstrip(".") for run in AT.findall(text)]
    usernames = list(dict.fromkeys(name for name in names if _is_username(name)))
    if len(usernames) > MENTIONS_MAX:
        raise Rejected("too-many-mentions", f"at most {MENTIONS_MAX} people are mentioned at once")
    return usernames


def _is_username(name: str) -> bool:
    fits = USERNAME_LENGTH_MIN <= len(name) <= USERNAME_LENGTH_MAX
    return fits and re.fullmatch(USERNAME_PATTERN, name) is not None
