"""Which rounds are played: data and a seed, and nothing else."""

import pytest

from infra import local
from instastream.errors import Unready
from tests.nemesis.schedule import rounds
from tests.nemesis.target import SERVERS


def test_the_same_seed_plays_the_same_and_another_plays_it_at_other_moments() -> None:
    assert rounds(7) == rounds(7)
    assert rounds(7)[1].random.random() == rounds(7)[1].random.random()
    assert [one.name for one in rounds(8)] == [one.name for one in rounds(7)]
    assert [one.after_s for one in rounds(8)] != [one.after_s for one in rounds(7)]


def test_every_process_is_killed_and_paused() -> None:
    names = {one.name for one in rounds(1)}
    for process in ("api", *local.WORKERS, *SERVERS):
        assert {f"kill-{process}", f"pause-{process}"} <= names


def test_a_load_goes_on_after_its_fault_is_healed() -> None:
    for one in rounds(1):
        assert one.after_s + one.held_s < one.lasts_s


def test_some_can_be_chosen_by_name_or_kind() -> None:
    assert [one.name for one in rounds(1, ["kill-s3", "fill"])] == [
        "kill-s3",
        "fill-kafka",
        "fill-cassandra",
        "fill-s3",
    ]
    with pytest.raises(Unready, match="there is no fault flood"):
        rounds(1, ["flood"])


def test_one_round_chosen_alone_is_what_it_is_among_all() -> None:
    assert rounds(3, ["kill-s3"]) == [one for one in rounds(3) if one.name == "kill-s3"]
