"""A file of edges is the graph that it names, and what is wrong in it is said with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unready
from instastream.load.scenario import graphs
from instastream.load.scenario.graphs import Graph, read_edges

Write = Callable[[bytes], Path]
NAMES = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=3).filter(
    lambda name: not name.startswith("#")
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes) -> Path:
        path = tmp_path / "edges.txt"
        path.write_bytes(content)
        return path

    return write


def named(graph: Graph) -> set[tuple[str, str]]:
    names = graph.names
    return {(names[a], names[b]) for a in range(graph.users) for b in graph.followees(a)}


def test_users_have_any_names_and_numbers_in_the_order_of_the_file(write: Write) -> None:
    graph = read_edges(write("ada 7\n7 bob\nżółw\tada\r\n  bob   ada  ".encode()))
    assert list(graph.names) == ["ada", "7", "bob", "żółw"]
    assert [list(graph.followees(user)) for user in range(4)] == [[1], [2], [0], [0]]
    assert list(graph.followers(0)) == [2, 3]


def test_comments_blank_lines_and_a_byte_order_mark_are_skipped(write: Write) -> None:
    graph = read_edges(write(b"\xef\xbb\xbf# who follows whom\n\nada bob\n   # bob ada\n \n"))
    assert named(graph) == {("ada", "bob")}
    assert graph.dropped == 0


def test_repeated_edges_and_those_to_oneself_are_counted_and_left_out(write: Write) -> None:
    graph = read_edges(write(b"a b\na a\na b\nb a\nc c\na b\n"))
    assert named(graph) == {("a", "b"), ("b", "a")}
    assert (graph.users, graph.edges, graph.dropped) == (3, 2, 4)


@pytest.mark.parametrize("content", [b"", b"# nobody\n"])
def test_a_file_without_edges_has_no_users(write: Write, content: bytes) -> None:
    graph = read_edges(write(content))
    assert (graph.users, graph.edges, list(graph.names)) == (0, 0, [])


@given(st.lists(st.tuples(NAMES, NAMES), max_size=30))
def test_every_edge_of_a_file_is_in_the_graph_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_text("".join(f"{a} {b}\n" for a, b in pairs), encoding="utf-8")
    graph = read_edges(path)
    assert named(graph) == {(a, b) for a, b in pairs if a != b}
    assert graph.dropped == len(pairs) - graph.edges


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a b\n\nada\n", "line 3: there must be two names, `a b`"),
        (b"a b\nc d 1.0\n", "line 2: there must be two names, `a b`"),
        (b"a,b\n", "line 1: there must be two names, `a b`"),
        (b"# all\nada b\xff\n", "line 2: a name is not UTF-8"),
        (b"a b\n#" + b"\0" * 65_536, "line 2: there may be 65,536 bytes at most"),
    ],
)
def test_a_line_that_is_no_edge_is_named(write: Write, content: bytes, sentence: str) -> None:
    path = write(content)
    with pytest.raises(Unready) as refused:
        read_edges(path)
    assert f"{path}, {sentence}" in str(refused.value)


def test_a_line_may_be_as_long_as_fits(write: Write) -> None:
    assert read_edges(write(b"a b\n#" + b"-" * 65_534 + b"\nb a\n")).edges == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unready, match=r"none.txt can't be read: No such file"):
        read_edges(tmp_path / "none.txt")


def test_whoever_follows_too_many_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "FOLLOWS_MAX", 2)
    fits = b"a b\na c\na c\na a\n"
    assert read_edges(write(fits)).edges == 2
    with pytest.raises(Unready, match=r"edges.txt: a follows 3, of 2 at most"):
        read_edges(write(fits + b"a d\n"))


@pytest.mark.parametrize("limit", ["LOAD_USERS_MAX", "LOAD_EDGES_MAX"])
def test_a_file_has_as_many_users_and_edges_as_fit(
    write: Write, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(graphs, limit, 3)
    assert read_edges(write(b"a b\nb c\nc a\n")).edges == 3
    with pytest.raises(Unready, match=r"line 4: there may be .* at most"):
        read_edges(write(b"a b\nb c\nc a\na d\n"))
