"""JPEGs that are decoded smaller than they are: nobody sees it."""

import pytest
import pyvips

from instastream.errors import Corrupt
from tests.unit.images.conftest import Render, plain
from tests.unit.images.test_variants import BLUE, GREEN, RED, WHITE, colour, pixels


def wide(width: int) -> pyvips.Image:
    """Four colours, two over two."""
    quarters = [plain(width // 2, 50, each) for each in (RED, GREEN, BLUE, WHITE)]
    return pyvips.Image.arrayjoin(quarters, across=2)


@pytest.mark.parametrize("width", [4094, 4096, 4098, 8192, 16_384])
@pytest.mark.parametrize("lies", [False, True], ids=["upright", "on its side"])
def test_it_is_as_wide_and_as_coloured_as_ever(render: Render, width: int, lies: bool) -> None:
    image = wide(width)
    if lies:
        image = image.rot("d270").copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    full = render(image.write_to_buffer(".jpg", Q=95))["full"]
    assert full.width == 2048
    assert full.height == pytest.approx(100 * 2048 / width, abs=1)
    for x, y, expected in ((0.2, 0.2, RED), (0.8, 0.2, GREEN), (0.2, 0.8, BLUE), (0.8, 0.8, WHITE)):
        at = (int(x * full.width), int(y * full.height))
        assert colour(full, *at) == pytest.approx(expected, abs=12)


def test_the_widest_variant_is_as_sharp_as_its_pixels_allow(render: Render) -> None:
    """Decoded at less than it is wide, and scaled up again, its stripes would be grey."""
    stripe = pyvips.Image.arrayjoin([plain(2, 64, [0]), plain(2, 64, [255])], across=2)
    stripes = pyvips.Image.arrayjoin([stripe] * 1024, across=1024)
    full = pixels(render(stripes.write_to_buffer(".jpg", Q=100))["full"])
    assert abs(full[0] - full[0].avg()).avg() > 100


def test_one_cut_short_is_refused(render: Render) -> None:
    original = wide(4096).write_to_buffer(".jpg", Q=95)
    with pytest.raises(Corrupt, match="damaged"):
        render(original[: len(original) // 2])
