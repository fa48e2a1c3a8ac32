"""Two sides that change all the time differ where they stay different, and nowhere else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pytest

from instastream.rebuilding import comparing
from instastream.rebuilding.comparing import TOLD, Odd, compare
from instastream.rebuilding.digesting import PARTS
from instastream.steps import ignore
from instastream.stores.audits import RING, Arc
from instastream.stores.cassandra.contents import CassandraContents

Follow = Callable[[], Awaitable[None]]
SPREAD = 0x9E3779B97F4A7C15  # numbers that follow on each other come to lie far apart


class Rows:
    """A side: numbered rows with words, all of one table, around the ring."""

    def __init__(self, *words: str) -> None:
        self.words = dict(enumerate(words))
        self.reads = 0

    async def rows(self, table: str, arc: Arc) -> AsyncIterator[list[tuple[object, ...]]]:
        self.reads += 1
        yield [row for row in self.words.items() if arc.after < token(row[0]) <= arc.until]


def token(number: int) -> int:
    return (number * SPREAD + 1) % (1 << 64) + RING.after


async def nothing() -> None:
    """Nothing more comes."""


async def compared(serving: Rows, shadow: Rows, follow: Follow = nothing) -> list[Odd]:
    return await compare(
        ["users"],
        cast(CassandraContents, serving),
        cast(CassandraContents, shadow),
        follow=follow,
        report=ignore,
    )


async def test_what_is_equal_is_read_once() -> None:
    serving, shadow = Rows("ada", "bob"), Rows("ada", "bob")
    assert await compared(serving, shadow) == []
    assert serving.reads == shadow.reads == PARTS


async def test_what_stays_different_is_told_with_its_rows() -> None:
    [odd] = await compared(Rows("ada", "wrong", "cleo"), Rows("ada", "bob", "cleo", "dora"))
    assert (odd.table, odd.serving_only, odd.shadow_only) == ("users", 1, 2)
    assert odd.rows == ['[1,"wrong"]', '[1,"bob"]', '[3,"dora"]']


@pytest.mark.parametrize("many", [TOLD - 1, TOLD, TOLD + 1])
async def test_of_much_that_differs_the_first_is_told(many: int) -> None:
    [odd] = await compared(Rows(*["wrong"] * many), Rows())
    assert odd.serving_only == many
    assert len(odd.rows) == min(many, TOLD)


@pytest.mark.parametrize("many", [2, 3, 4])
async def test_of_a_part_that_differs_so_much_is_remembered_and_no_more(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "PARTS", 1)
    monkeypatch.setattr(comparing, "ODD_MAX", 3)
    [odd] = await compared(Rows(*["wrong"] * many), Rows(*["right"] * many))
    assert (odd.serving_only, odd.shadow_only) == (min(many, 3), min(many, 3))


async def test_what_is_late_goes_by() -> None:
    serving, shadow = Rows("ada", "bob", "cleo"), Rows("ada")

    async def catch_up() -> None:
        number = len(shadow.words)
        if number in serving.words:
            shadow.words[number] = serving.words[number]

    assert await compared(serving, shadow, catch_up) == []


async def test_what_changes_all_the_time_is_not_different() -> None:
    serving, shadow = Rows("0"), Rows("-1")

    async def go_on() -> None:
        shadow.words[0] = serving.words[0]
        serving.words[0] = str(int(serving.words[0]) + 1)

    assert await compared(serving, shadow, go_on) == []


async def test_a_fault_is_found_among_what_changes_all_the_time() -> None:
    serving, shadow = Rows("0", "wrong"), Rows("0", "right")

    async def go_on() -> None:
        shadow.words[0] = serving.words[0]
        serving.words[0] += "."

    [odd] = await compared(serving, shadow, go_on)
    assert odd.rows == ['[1,"wrong"]', '[1,"right"]']


async def test_a_fault_in_a_row_that_changes_while_it_is_looked_at_is_told() -> None:
    serving, shadow = Rows("5 at 10"), Rows("6 at 10")

    async def count_once() -> None:
        serving.words[0], shadow.words[0] = "6 at 11", "7 at 11"

    [odd] = await compared(serving, shadow, count_once)
    assert odd.rows == ['[0,"6 at 11"]', '[0,"7 at 11"]']


async def test_a_row_that_is_never_read_at_the_same_moment_on_both_sides_is_not_different() -> None:
    serving, shadow = Rows("1"), Rows("0")

    async def go_on() -> None:
        for side in serving, shadow:
            side.words[0] = str(int(side.words[0]) + 2)

    assert await compared(serving, shadow, go_on) == []


async def test_a_row_that_stays_wrong_while_the_log_goes_on_is_told() -> None:
    serving, shadow = Rows("stuck"), Rows("0")

    async def go_on() -> None:
        shadow.words[0] += "."

    [odd] = await compared(serving, shadow, go_on)
    assert odd.rows == ['[0,"stuck"]', '[0,"0....."]']


async def test_what_serves_as_the_log_was_a_while_ago_is_late_and_not_wrong() -> None:
    said = ["0", "1", "2", "2", "3", "3", "4"]
    serving, shadow = Rows("0"), Rows("1")

    async def go_on() -> None:
        said.pop(0)
        serving.words[0], shadow.words[0] = said[:2]

    assert await compared(serving, shadow, go_on) == []


async def test_a_large_part_is_divided_until_its_rows_can_be_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "PART_ROWS", 3)
    words = [str(number) for number in range(500)]
    serving, shadow = Rows(*words), Rows(*words)
    shadow.words[250] = "other"
    held = []
    rows_of = comparing._rows

    async def watched(contents: CassandraContents, table: str, arc: Arc) -> dict[bytes, bytes]:
        held.append(rows := await rows_of(contents, table, arc))
        return rows

    monkeypatch.setattr(comparing, "_rows", watched)
    [odd] = await compared(serving, shadow)
    assert odd.rows == ['[250,"250"]', '[250,"other"]']
    assert max(map(len, held)) <= 3
