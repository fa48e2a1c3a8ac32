"""What a scenario does, operation by operation: the same seed gives the same."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from random import Random

from msgspec import Struct

from instastream.errors import Unready
from instastream.load.scenario.arrivals import dues
from instastream.load.scenario.graphs import Graph, power_law, read_edges
from instastream.load.scenario.media import sort_of
from instastream.load.scenario.popularity import Ranks
from instastream.load.scenario.scenarios import Edges, Kind, Scenario

SETTLE_S = 3.0  # after it was to be posted until others do something with it: rendered by then
NOBODY = NOTHING = -1
LIKES_KEPT = 10_000  # of the latest, to be taken back


def graph_of(scenario: Scenario) -> Graph:
    """The same for the same scenario; raises Unready where a file of edges is not as it should."""
    asked = scenario.graph
    if not isinstance(asked, Edges):
        return power_law(
            users=scenario.users,
            followees_mean=min(asked.followees_mean, scenario.users - 1),
            exponent=asked.exponent,
            clustering=asked.clustering,
            communities=asked.communities,
            seed=scenario.seed,
        )
    graph = read_edges(Path(asked.file))
    if graph.users != scenario.users:
        raise Unready(f"{asked.file} has {graph.users} users, and the scenario {scenario.users}")
    return graph


class Operation(Struct, frozen=True):
    """One thing to do. Users and posts are numbers, from 0."""

    number: int
    due_s: float  # after the start
    kind: Kind
    user: int
    post: int = NOTHING
    other: int = NOBODY


class Plan:
    """Who posts what first, and all that follows; iterated once, as its choices depend on it."""

    def __init__(self, scenario: Scenario, graph: Graph) -> None:
        self._scenario = scenario
        self._graph = graph
        self._choice = self._random("choice")
        self._authors = Ranks(self._random("authors"), exponent=scenario.popularity.authors)
        self._read = Ranks(self._random("reads"), exponent=scenario.popularity.reads)
        self._written = Ranks(self._random("writes"), exponent=scenario.popularity.writes)
        self._settling: deque[tuple[float, int]] = deque()
        self._likes: deque[Operation] = deque(maxlen=LIKES_KEPT)
        self._deleted: set[int] = set()
        self._left: set[tuple[int, int]] = set()
        is_private = self._random("private")
        self.private = {
            user for user in range(graph.users) if is_private.random() < scenario.private
        }
        for user in range(graph.users):
            self._authors.add(user)
        self.authors: list[int] = []  # of each post
        for _ in range(scenario.posts):
            self._settle(self._new_post())

    def operations(self) -> Iterator[Operation]:
        """In the order in which they are due."""
        scenario = self._scenario
        kinds = [kind for kind in scenario.mix if scenario.mix[kind]]
        weights = [scenario.mix[kind] for kind in kinds]
        instants = dues(
            scenario.arrivals, duration_s=scenario.duration_s, random=self._random("arrivals")
        )
        for number, due_s in enumerate(instants):
            while self._settling and self._settling[0][0] <= due_s:
                self._settle(self._settling.popleft()[1])
            [kind] = self._choice.choices(kinds, weights)
            yield self._chosen(number, due_s, kind)

    def follower(self, author: int) -> int | None:
        """Someone who has followed from the beginning, as far as the plan was read."""
        followers = self._graph.followers(author)
        return next((one for one in followers if (one, author) not in self._left), None)

    def _chosen(self, number: int, due_s: float, kind: Kind) -> Operation:
        match kind:
            case "read_feed":
                return Operation(number, due_s, kind, self._anyone())
            case "follow" | "unfollow" | "read_timeline":
                user, other = self._pair(kind)
                if kind == "unfollow":
                    self._left.add((user, other))
                return Operation(number, due_s, kind, user, other=other)
            case "post":
                post = self._new_post()
                self._settling.append((due_s + SETTLE_S, post))
                return Operation(number, due_s, kind, self.authors[post], post)
            case "delete_post":
                post = self._post(self._read)
                self._deleted.add(post)
                return Operation(number, due_s, kind, self._author(post), post)
            case "unlike" if self._likes:
                like = self._likes.popleft()
                return Operation(number, due_s, kind, like.user, like.post)
            case _:
                post = self._post(self._read if kind in ("read_post", "fetch") else self._written)
                operation = Operation(number, due_s, kind, self._viewer(post), post)
                if kind == "like":
                    self._likes.append(operation)
                return operation

    def _pair(self, kind: Kind) -> tuple[int, int]:
        """Someone, and another: whom they follow, or whom many do."""
        user = self._anyone()
        followees = self._graph.followees(user)
        if kind != "follow" and followees:
            return user, self._choice.choice(followees)
        other = self._authors.choose()
        return user, other if other != user else (user + 1) % self._graph.users

    def _post(self, ranks: Ranks) -> int:
        """One that is not deleted, or none."""
        while len(ranks):
            post = ranks.choose()
            if post not in self._deleted:
                return post
            ranks.remove(post)
        return NOTHING

    def _author(self, post: int) -> int:
        return NOBODY if post == NOTHING else self.authors[post]

    def _viewer(self, post: int) -> int:
        """Someone who may see a post."""
        author = self._author(post)
        if author not in self.private:
            return self._anyone()
        followers = self._graph.followers(author)
        return self._choice.choice(followers) if followers else author

    def _anyone(self) -> int:
        return self._choice.randrange(self._graph.users)

    def _new_post(self) -> int:
        self.authors.append(self._authors.choose())
        return len(self.authors) - 1

    def _settle(self, post: int) -> None:
        """Others may choose it from now on: nobody ever sees what is hostile."""
        scenario = self._scenario
        if sort_of(post, scenario.media, seed=scenario.seed) != "hostile":
            self._read.add(post)
            self._written.add(post)

    def _random(self, concern: str) -> Random:
        """Each concern has chances of its own: another rate does not change who is private."""
        return Random(f"{self._scenario.seed}/{concern}")
