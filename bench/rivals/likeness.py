"""How alike two images look: the structural similarity (SSIM, Wang et al., 2004) of their luma."""

from pathlib import Path

import pyvips

SIGMA = 1.5  # pixels, as in the paper
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def likeness(photo: Path, variant: Path) -> float:
    """1 where the variant is the photograph scaled, without a loss."""
    shown = pyvips.Image.new_from_file(str(variant))
    scaled = _original(photo).thumbnail_image(shown.width, height=shown.height, size="force")
    return _ssim(_luma(scaled), _luma(shown))


def _original(photo: Path) -> pyvips.Image:
    image = pyvips.Image.new_from_file(str(photo)).autorot()
    converted = "icc-profile-data" in image.get_fields()
    return image.icc_transform("srgb") if converted else image


def _luma(image: pyvips.Image) -> pyvips.Image:
    return image.colourspace("srgb")[:3].colourspace("b-w").cast("float")


def _ssim(one: pyvips.Image, other: pyvips.Image) -> float:
    mean_one, mean_other = one.gaussblur(SIGMA), other.gaussblur(SIGMA)
    product = mean_one * mean_other
    squares = mean_one * mean_one + mean_other * mean_other
    variances = (one * one + other * other).gaussblur(SIGMA) - squares
    covariance = (one * other).gaussblur(SIGMA) - product
    luminance = (product * 2 + C1) / (squares + C1)
    return ((covariance * 2 + C2) / (variances + C2) * luminance).avg()
