"""Scenario files: what may be in them, and what is said of what may not."""

from pathlib import Path

import pytest

from instastream.errors import Unready
from instastream.limits import LOAD_USERS_MAX
from instastream.load.scenario.scenarios import (
    Edges,
    Scenario,
    load_scenario,
    parse,
    shipped,
)

GOOD = """\
name = "some"
users = 10
duration_s = 3

[arrivals]
process = "poisson"
rate = 10

[mix]
like = 1
"""


def refused(text: str) -> str:
    with pytest.raises(Unready) as refusal:
        parse(text, source="some.toml")
    return str(refusal.value)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_one_and_says_what_it_is_about(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.about


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "users",
            "user",
            "line 2: user: Object contains unknown field `user`; did you mean users?",
        ),
        ('"poisson"', '"poison"', "line 6: arrivals.process: Invalid value 'poison'; did you mean"),
        ("rate =", "rates =", "line 7: arrivals.rates: Object contains unknown field `rates`; did"),
        ("like", "likes", "line 10: mix.likes: Invalid enum value 'likes'; did you mean like?"),
        ("rate = 10", "rate = 0", "line 7: arrivals.rate: Expected `float` > 0"),
        ("rate = 10", 'rate = "10"', "line 7: arrivals.rate: Expected `float`, got `str`"),
        ("like = 1", "like = 0", "Expected a weight above 0 in `mix`"),
        ("like = 1", "like = -1", "line 9: mix: Expected `float` >= 0"),
        ("duration_s = 3\n", "", "Object missing required field `duration_s`"),
        ('name = "some"', 'name = "So me"', "line 1: name: Expected `str` matching regex"),
        ("[mix]", "[mix", "some.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_field(right: str, wrong: str, said: str) -> None:
    assert said in refused(GOOD.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[media]\nsource = "photo"', "line 12: media.source: Invalid enum value 'photo'; did you"),
        ("[media]\nvideos = 0.6\nhostile = 0.6", "line 11: media: Expected `duplicates`, `hosti"),
        ('[graph]\nkind = "power-law"\nexponet = 2', "line 13: graph.exponet: Object contains"),
        ('[graph]\nkind = "powerlaw"', "line 12: graph.kind: Invalid value 'powerlaw'; did you"),
        ("[grph]", "line 11: grph: Object contains unknown field `grph`; did you mean graph?"),
    ],
)
def test_so_it_is_in_tables_that_may_be_left_out(more: str, said: str) -> None:
    assert said in refused(f"{GOOD}{more}\n")


def test_a_burst_is_no_longer_than_its_period() -> None:
    burst = 'process = "burst"\nburst_rate = 20\nevery_s = 2\nfor_s = {}'
    parse(GOOD.replace('process = "poisson"', burst.format(2)), source="")
    text = GOOD.replace('process = "poisson"', burst.format(2.1))
    assert "Expected `for_s` to be no more than `every_s`" in refused(text)


@pytest.mark.parametrize("users", [2, LOAD_USERS_MAX])
def test_so_many_users_there_may_be(users: int) -> None:
    assert parse(GOOD.replace("10", str(users), 1), source="").users == users


@pytest.mark.parametrize("users", [1, LOAD_USERS_MAX + 1])
def test_and_no_more_or_fewer(users: int) -> None:
    assert "line 2: users: Expected `int`" in refused(GOOD.replace("10", str(users), 1))


def test_a_graph_may_be_given_as_a_file() -> None:
    scenario = parse(f'{GOOD}[graph]\nkind = "edges"\nfile = "a.txt"\n', source="")
    assert scenario.graph == Edges("a.txt")


def test_a_scenario_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(GOOD)
    assert isinstance(load_scenario(str(path)), Scenario)


def test_a_scenario_that_is_not_there_is_said_with_the_nearest_that_is(tmp_path: Path) -> None:
    with pytest.raises(Unready, match=r"there is no scenario smoek; did you mean smoke\?"):
        load_scenario("smoek")
    with pytest.raises(Unready, match="can't be read"):
        load_scenario(str(tmp_path / "none.toml"))
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Unready, match="can't be read"):
        load_scenario(str(tmp_path / "noise.toml"))
