"""What only the extra `load` installs, and what to say where it is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from instastream.errors import Unready


@contextmanager
def extra() -> Iterator[None]:
    """Around an import: a module that is missing is an `Unready` that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        how = "pip install 'instastream[load]'"
        raise Unready(f"instastream load needs {error.name}, which is an extra: {how}") from error
