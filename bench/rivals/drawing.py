"""A graph drawn by us, or by igraph, in a process of its own: prints the seconds it took.

igraph's is the static model of Goh, Kahng and Kim, with both tails and no edge twice: it has no
triangles but those of chance, no communities, and no limit to what one follows.

    python bench/rivals/drawing.py ours|igraph USERS FOLLOWEES EXPONENT
"""

import sys
from time import perf_counter


def ours(users: int, followees: int, exponent: float) -> str:
    """Seconds to draw it, and to know its followers, too."""
    from instastream.load.scenario.graphs import power_law

    begun_s = perf_counter()
    graph = power_law(
        users=users,
        followees_mean=followees,
        exponent=exponent,
        clustering=0.3,
        communities=100,
        seed=1,
    )
    drawn_s = perf_counter()
    graph.followers(0)
    return f"{drawn_s - begun_s} {perf_counter() - drawn_s}"


def igraph(users: int, followees: int, exponent: float) -> str:
    """Seconds to draw it; its followers are known then."""
    from igraph import Graph

    begun_s = perf_counter()
    Graph.Static_Power_Law(
        users,
        users * followees,
        exponent_out=3.0,
        exponent_in=exponent,
        allowed_edge_types="simple",
    )
    return f"{perf_counter() - begun_s}"


if __name__ == "__main__":
    draw = {"ours": ours, "igraph": igraph}[sys.argv[1]]
    sys.stdout.write(draw(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
