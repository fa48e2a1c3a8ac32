"""What all tests of load share."""

from collections.abc import Iterator

import pytest

from instastream.load.checks import checking


@pytest.fixture(autouse=True, scope="module")
def nothing_is_late() -> Iterator[None]:
    """What is not there at once never is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "STILL_S", 0.0)
        patch.setattr(checking, "PAUSE_S", 0.0)
        yield
