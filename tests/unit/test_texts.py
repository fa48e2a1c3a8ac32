"""Which texts can be read, and whom they mention."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Rejected
from instastream.limits import MARKS_MAX, MENTIONS_MAX, USERNAME_LENGTH_MAX
from instastream.texts import AT, USERNAME_PATTERN, check_readable, mentioned

ACUTE = "\u0301"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        " . ",
        "🌻",
        "👩🏽‍🚀",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "❤️",
        "1️⃣",
        "\U0001fae8",  # an emoji of Unicode 15, which this Python may not know
        "\uf8ff",  # a logo in private use
        "ทิ้งที่นี่",
        "בְּרֵאשִׁ֖ית",
        "வணக்கம் नमस्ते မင်္ဂလာပါ",
        "ཧྐྵྨླྺྼྻྂ",
        "\u202eright to left\u202c",
        "e" + MARKS_MAX * ACUTE,
        (MARKS_MAX * ACUTE + "e") * 50,
    ],
)
def test_what_people_write_can_be_read(text: str) -> None:
    check_readable(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t\r ",
        "\u3000\u00a0\u2003",
        "\u200b\u200d\ufeff\u00ad\u2060",
        "\u3164\uffa0\u115f\u1160\u2800",
        "\ufe0f",
        "\u0085",
        "\u202e \u202c",
        "\U000e0041\U000e0fff",
        "\ud800",
        ACUTE,
        " " + ACUTE,
    ],
)
def test_where_nothing_can_be_seen_there_is_no_text(text: str) -> None:
    with pytest.raises(Rejected, match="must hold something that can be seen") as raised:
        check_readable(text)
    assert raised.value.problem == "invalid-request"


@pytest.mark.parametrize(
    "text",
    [
        "e" + (MARKS_MAX + 1) * ACUTE,
        "e" + 10_000 * ACUTE,
        "fine" + ACUTE + " z" + (MARKS_MAX + 1) * "\u0322" + " fine",
        "e" + (MARKS_MAX * ACUTE + "\u200d") * 2,  # a joiner bears no marks
    ],
)
def test_marks_are_not_piled_up(text: str) -> None:
    with pytest.raises(Rejected, match=f"at most {MARKS_MAX} combining marks") as raised:
        check_readable(text)
    assert raised.value.problem == "invalid-request"


@pytest.mark.parametrize(
    ("text", "usernames"),
    [
        ("", []),
        ("@ada", ["ada"]),
        ("hello @ada, and @bob.b: look (@eve_1)!", ["ada", "bob.b", "eve_1"]),
        ("@bob @ada @bob", ["bob", "ada"]),
        ("thank you @ada.", ["ada"]),
        ("thank you @ada...", ["ada"]),
        ("@ada's and @bob/@eve", ["ada", "bob"]),
        ("«@ada»\n@bob", ["ada", "bob"]),
        ("@" + "x" * USERNAME_LENGTH_MAX, ["x" * USERNAME_LENGTH_MAX]),
        ("@" + "x" * (USERNAME_LENGTH_MAX + 1), []),
        ("@xy @Ada @adaÉ @.ada", []),
        ("ada@example.org", []),
        ("ada.b+c@example.org a-@example", []),
        ("@ada@example.org @ada.bob@example.org", []),
        ("https://example.org/@ada", []),
        ("@@ada @ ada", []),
    ],
)
def test_whoever_is_named_after_an_at_is_mentioned(text: str, usernames: list[str]) -> None:
    assert mentioned(text) == usernames


def test_up_to_so_many_are_mentioned_each_counted_once() -> None:
    names = [f"user{number:02}" for number in range(MENTIONS_MAX + 1)]
    text = " ".join(f"@{name}" for name in names[:-1] * 3)
    assert mentioned(text) == names[:-1]
    with pytest.raises(Rejected, match=f"at most {MENTIONS_MAX}") as raised:
        mentioned(f"{text} @{names[-1]}")
    assert raised.value.problem == "too-many-mentions"


@given(st.text(alphabet="@a.b_Aé -/"))
def test_a_mention_is_a_username_that_stands_in_the_text(text: str) -> None:
    for name in mentioned(text):
        assert re.fullmatch(USERNAME_PATTERN, name)
        assert f"@{name}" in text


def test_looking_for_mentions_takes_no_longer_in_a_hostile_text() -> None:
    for text in ("@" * 1_000, "@a" * 500, "@" + "a." * 499 + "@", "@" + "." * 999):
        assert AT.findall(text) in ([], [text[1:]])
