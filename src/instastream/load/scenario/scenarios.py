"""What a load is: users, whom they follow, what they do and when. Read from TOML."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct, field

from instastream.errors import Unready
from instastream.limits import (
    FOLLOWS_MAX,
    IMAGE_BYTES_MAX,
    LOAD_USERS_MAX,
    PAGE_LENGTH_DEFAULT,
    PAGE_LENGTH_MAX,
)
from instastream.load.scenario.arrivals import Arrivals, Seconds

SHIPPED = files("instastream.load.scenario") / "shipped"
IMAGE_BYTES_MIN = 1_000  # the smallest picture of noise
SEED_MAX = (1 << 53) - 1  # what JSON keeps whole everywhere
EXPONENT_MAX = 5  # beyond it there is only the first

Kind: TypeAlias = Literal[
    "read_feed",
    "read_timeline",
    "read_post",
    "fetch",
    "like",
    "unlike",
    "comment",
    "follow",
    "unfollow",
    "post",
    "delete_post",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Source: TypeAlias = Literal["photos", "synthetic"]
SOURCES: tuple[Source, ...] = get_args(Source)
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Weight: TypeAlias = Annotated[float, Meta(ge=0)]
Exponent: TypeAlias = Annotated[float, Meta(ge=0, le=EXPONENT_MAX)]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class PowerLaw(Part, frozen=True, tag="power-law", tag_field="kind"):
    """A graph that is made: few are followed by many."""

    followees_mean: Annotated[float, Meta(ge=0, le=FOLLOWS_MAX)] = 10
    exponent: Annotated[float, Meta(gt=1, le=EXPONENT_MAX)] = 2.2  # of the tail of follower counts
    clustering: Share = 0.2  # of edges that close a triangle
    communities: Annotated[int, Meta(ge=1)] = 1


class Edges(Part, frozen=True, tag="edges", tag_field="kind"):
    """A graph that is given: `a b` on each line of a file, a follows b."""

    file: str


class Popularity(Part, frozen=True):
    """Exponents of Zipf's law: 0 is all alike."""

    authors: Exponent = 1.0
    reads: Exponent = 1.0
    writes: Exponent = 1.0


class Media(Part, frozen=True):
    """What is posted: photographs that are each a little different, or noise of a given size."""

    source: Source = "photos"
    size_bytes: Annotated[int, Meta(ge=IMAGE_BYTES_MIN, le=IMAGE_BYTES_MAX)] = 100_000
    duplicates: Share = 0.0  # one of ten pictures that many post
    hostile: Share = 0.0  # no image at all: such a post must end as failed
    videos: Share = 0.0

    def __post_init__(self) -> None:
        if self.duplicates + self.hostile + self.videos > 1:
            raise ValueError("Expected `duplicates`, `hostile` and `videos` to be 1 at most in all")


class Scenario(Part, frozen=True, kw_only=True):
    """One load. Rates are operations a second, of all kinds together."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,40}\Z")]
    about: str = ""
    seed: Annotated[int, Meta(ge=0, le=SEED_MAX)] = 1
    users: Annotated[int, Meta(ge=2, le=LOAD_USERS_MAX)]
    private: Share = 0.0  # of the users: only followers see what they post
    posts: Annotated[int, Meta(ge=0)] = 0  # that are there before it begins
    duration_s: Seconds
    page_length: Annotated[int, Meta(ge=1, le=PAGE_LENGTH_MAX)] = PAGE_LENGTH_DEFAULT
    graph: PowerLaw | Edges = field(default_factory=PowerLaw)
    arrivals: Arrivals
    mix: Annotated[dict[Kind, Weight], Meta(min_length=1)]
    popularity: Popularity = field(default_factory=Popularity)
    media: Media = field(default_factory=Media)

    def __post_init__(self) -> None:
        if not any(self.mix.values()):
            raise ValueError("Expected a weight above 0 in `mix`")


def shipped() -> dict[str, Traversable]:
    """The scenarios that come with the package, by name."""
    return {
        entry.name.removesuffix(".toml"): entry
        for entry in sorted(SHIPPED.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its name, or any by its path; raises Unready, which says where."""
    known = shipped()
    if name in known:
        return parse(known[name].read_text(), source=name)
    path = Path(name)
    if path.suffix != ".toml" and not path.exists():
        raise Unready(f"there is no scenario {name}{_nearest(name, known)}; see `load scenarios`")
    try:
        return parse(path.read_text(), source=name)
    except (OSError, UnicodeDecodeError) as error:
        raise Unready(f"{name} can't be read: {error}") from error


def parse(text: str, *, source: str) -> Scenario:
    """Raises Unready with the line and the field that is wrong, and the nearest one that is not."""
    try:
        return msgspec.convert(tomllib.loads(text), Scenario)
    except tomllib.TOMLDecodeError as error:
        raise Unready(f"{source} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise Unready(_explained(str(error), text, source)) from error


def _explained(message: str, text: str, source: str) -> str:
    said, _, place = message.partition(" - at ")
    keys = re.findall(r"[a-z_]+", place.partition("$")[2])
    wrong = re.search(r"(?:unknown field|Invalid enum value|Invalid value) [`'](.+)[`']", said)
    name = wrong[1] if wrong else ""
    if "unknown field" in said or place.startswith("`key`"):
        keys = [*keys, name]
    line = _line(text, keys)
    at = f", line {line}" if line else ""
    where = ".".join(keys)
    known = [word for word in _words(keys) if word != name]
    return f"{source}{at}: {where + ': ' if where else ''}{said}{_nearest(name, known)}"


def _line(text: str, keys: list[str]) -> int | None:
    """Where a table or its field is written, from 1."""
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = header[1].split(".")
            if table == keys:
                return number
        elif (given := re.match(r"\s*([\w-]+)\s*=", line)) and [*table, given[1]] == keys:
            return number
    return None


def _words(keys: list[str]) -> list[str]:
    """What may be written in the same place as the last of these keys."""
    parts: dict[str, Sequence[type[Struct]]] = {
        "graph": [PowerLaw, Edges],
        "arrivals": get_args(Arrivals),
        "popularity": [Popularity],
        "media": [Media],
    }
    match keys:
        case ["mix", *_]:
            return list(KINDS)
        case ["media", "source"]:
            return list(SOURCES)
        case [table, *_] if table in parts:
            kinds = [_tag(part) for part in parts[table]]
            return [*(name for part in parts[table] for name in part.__struct_fields__), *kinds]
        case _:
            return list(Scenario.__struct_fields__)


def _tag(part: type[Struct]) -> str:
    return str(part.__struct_config__.tag or "")


def _nearest(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    return f"; did you mean {nearest[0]}?" if name and nearest else ""
