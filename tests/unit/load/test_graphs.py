"""A graph has the shape that was asked for, and nobody in it follows too many, or twice."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unready
from instastream.load.scenario import drawing, graphs
from instastream.load.scenario.graphs import Graph, power_law

ASKED: dict[str, Any] = {
    "users": 20_000,
    "followees_mean": 15.0,
    "exponent": 2.5,
    "clustering": 0.3,
    "communities": 10,
    "seed": 7,
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return power_law(**ASKED)


def edges(graph: Graph) -> Iterator[tuple[int, int]]:
    return ((user, other) for user in range(graph.users) for other in graph.followees(user))


def tail_exponent(graph: Graph, top: int) -> float:
    """Hill's estimate of the users with most followers."""
    counts = sorted((len(graph.followers(user)) for user in range(graph.users)), reverse=True)
    return float(1 + 1 / np.mean(np.log(np.array(counts[:top]) / counts[top])))


def closed_share(graph: Graph) -> float:
    """How many edges of some users lead to a followee's followee."""
    followees = [set(graph.followees(user)) for user in range(graph.users)]
    closed = [
        not followees[user].isdisjoint(graph.followers(other))
        for user in range(0, graph.users, 20)
        for other in followees[user]
    ]
    return sum(closed) / len(closed)


def check(graph: Graph, most: int) -> None:
    """Rows are sets without oneself, and both ways tell the same."""
    for user in range(graph.users):
        followees = list(graph.followees(user))
        assert followees == sorted(set(followees) - {user})
        assert len(followees) <= most
    forth = sorted(edges(graph))
    back = [(one, user) for user in range(graph.users) for one in graph.followers(user)]
    assert forth == sorted(back)
    assert len(forth) == graph.edges
    assert back == sorted(back, key=lambda edge: edge[::-1])


@given(
    users=st.integers(0, 40),
    share=st.floats(0, 1),
    exponent=st.floats(1.001, 50),
    clustering=st.floats(0, 1),
    communities=st.floats(0, 1),
    seed=st.integers(0, 2**64),
    block=st.sampled_from([1, 20, 1_000]),
)
def test_any_graph_holds_what_was_asked_and_tells_the_same_both_ways(
    users: int,
    share: float,
    exponent: float,
    clustering: float,
    communities: float,
    seed: int,
    block: int,
) -> None:
    mean = share * max(0, users - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "BLOCK", block)
        graph = power_law(
            users=users,
            followees_mean=mean,
            exponent=exponent,
            clustering=clustering,
            communities=max(1, round(users * communities)),
            seed=seed,
        )
    assert graph.users == users
    assert graph.edges == round(users * mean)
    check(graph, most=max(0, users - 1))


@pytest.mark.parametrize("exponent", [2.1, 2.5, 3.0])
def test_follower_counts_have_the_tail_that_was_asked_for(exponent: float) -> None:
    graph = power_law(**ASKED | {"users": 50_000, "exponent": exponent})
    assert tail_exponent(graph, 500) == pytest.approx(exponent, abs=0.3)
    assert tail_exponent(graph, 2_500) == pytest.approx(exponent, abs=0.2)


def test_users_follow_as_many_as_asked_on_average_and_some_far_more(graph: Graph) -> None:
    assert graph.edges == 15 * 20_000
    counts = sorted(len(graph.followees(user)) for user in range(graph.users))
    assert counts[0] <= 1
    assert counts[10_000] < 15
    assert counts[-1] > 500


@pytest.mark.parametrize(("communities", "exponent"), [(10, 2.5), (40, 2.1)])
def test_most_edges_stay_in_one_community(communities: int, exponent: float) -> None:
    graph = power_law(**ASKED | {"communities": communities, "exponent": exponent})
    size = graph.users // communities
    inside = sum(user // size == other // size for user, other in edges(graph))
    assert 0.7 < inside / graph.edges < 0.95


def test_the_share_of_closed_triangles_is_what_was_asked_and_what_closes_by_chance() -> None:
    sparse = ASKED | {"exponent": 5.0, "communities": 1}
    by_chance, *asked = (
        closed_share(power_law(**sparse | {"clustering": share})) for share in (0.0, 0.3, 0.7)
    )
    assert by_chance < 0.05
    assert asked == pytest.approx([0.3, 0.7], abs=0.05)


def test_the_same_arguments_give_the_same_graph_on_any_machine(graph: Graph) -> None:
    assert list(edges(power_law(**ASKED))) == list(edges(graph))
    assert list(edges(power_law(**ASKED | {"seed": 8}))) != list(edges(graph))
    small = power_law(**ASKED | {"users": 500})
    assert (
        blake2b(repr(list(edges(small))).encode(), digest_size=8).hexdigest() == "73d01fad2ec5eacf"
    )


def test_a_graph_survives_its_way_to_another_process_and_stays_as_it_is(graph: Graph) -> None:
    graph.followers(0)
    copy = pickle.loads(pickle.dumps(graph))
    assert list(edges(copy)) == list(edges(graph))
    with pytest.raises(TypeError):
        copy.followees(0)[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        graph.rows.ids[0] = 1


@pytest.mark.parametrize("user", [-1, 20_000])
def test_whoever_is_not_in_the_graph_has_no_followees(graph: Graph, user: int) -> None:
    with pytest.raises(IndexError, match=f"there is no user {user}"):
        graph.followees(user)


@pytest.mark.parametrize("users", [0, 1])
def test_nobody_alone_follows_anyone(users: int) -> None:
    lonely = ASKED | {"users": users, "communities": 1}
    graph = power_law(**lonely | {"followees_mean": 0})
    assert (graph.users, graph.edges) == (users, 0)
    with pytest.raises(Unready, match=f"from 0 to 0, as each of {users} users can, not 0.5"):
        power_law(**lonely | {"followees_mean": 0.5})


def test_everyone_may_follow_everyone_and_nobody_more() -> None:
    small = ASKED | {"users": 30, "communities": 3}
    graph = power_law(**small | {"followees_mean": 29})
    assert all(len(graph.followers(user)) == 29 for user in range(30))
    with pytest.raises(Unready, match=r"followees_mean must be from 0 to 29, .* not 29.01"):
        power_law(**small | {"followees_mean": 29.01})


def test_nobody_follows_more_than_the_api_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "FOLLOWS_MAX", 16)
    graph = power_law(**ASKED | {"users": 2_000})
    assert graph.edges == 15 * 2_000
    check(graph, most=16)
    with pytest.raises(Unready, match="followees_mean must be from 0 to 16"):
        power_law(**ASKED | {"followees_mean": 16.5})


def test_a_graph_has_as_many_users_and_edges_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "LOAD_USERS_MAX", 100)
    monkeypatch.setattr(graphs, "LOAD_EDGES_MAX", 1_500)
    assert power_law(**ASKED | {"users": 100}).edges == 1_500
    with pytest.raises(Unready, match="users must be from 0 to 100, not 101"):
        power_law(**ASKED | {"users": 101})
    with pytest.raises(Unready, match="followees_mean must be from 0 to 1,500, not 1,510"):
        power_law(**ASKED | {"users": 100, "followees_mean": 15.1})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"users": -1}, "users must be from 0 to 10,000,000, not -1"),
        ({"followees_mean": -0.1}, "followees_mean must be from 0 to 7,500"),
        ({"followees_mean": float("nan")}, "followees_mean must be from 0 to 7,500"),
        ({"exponent": 1.0}, "exponent must be above 1, not 1.0"),
        ({"exponent": float("nan")}, "exponent must be above 1, not nan"),
        ({"clustering": -0.01}, "clustering must be from 0 to 1, not -0.01"),
        ({"clustering": 1.01}, "clustering must be from 0 to 1, not 1.01"),
        ({"communities": 0}, "communities must be from 1 to 20,000, not 0"),
        ({"communities": 20_001}, "communities must be from 1 to 20,000, not 20,001"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_an_argument_that_is_out_of_bounds_is_named(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unready) as refused:
        power_law(**ASKED | wrong)
    assert sentence in str(refused.value)


def test_without_numpy_it_is_said_how_to_install_it() -> None:
    code = "import sys; sys.modules['numpy'] = None; import instastream.load.scenario.graphs"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"Unready: instastream load needs numpy" in ended.stderr
