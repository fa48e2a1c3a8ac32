"""Which photographs are converted to sRGB: converting costs a tenth, and many are sRGB already."""

from functools import lru_cache
from itertools import product

import pyvips

PLAIN = {"srgb", "b-w", "rgb16", "grey16"}  # encoded right without a colour transform
LEVELS = range(0, 256, 15)  # of red, green and blue, in all combinations
UNSEEN = 1  # of 255: how far sRGB profiles of various makers lie from that of libvips
PROFILE_BYTES_MAX = 16_384  # those of sRGB have about 500 to 9,000
PROFILES_KEPT = 32  # a judgement takes 7 ms, and cameras of a kind write the same profile


def conversion(source: pyvips.Image) -> dict[str, str]:
    """What to tell libvips's thumbnail: nothing where converting would change nothing."""
    if "icc-profile-data" not in source.get_fields():
        return {} if source.interpretation in PLAIN else {"output_profile": "srgb"}
    profile = source.get("icc-profile-data")
    if source.interpretation == "srgb" and len(profile) <= PROFILE_BYTES_MAX and _is_srgb(profile):
        return {}
    return {"output_profile": "srgb"}


@lru_cache(PROFILES_KEPT)
def _is_srgb(profile: bytes) -> bool:
    """Whether no colour moves by more than UNSEEN; a broken profile is taken for sRGB."""
    colours = _colours()
    colours.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return (colours.icc_transform("srgb") - colours).abs().max() <= UNSEEN


def _colours() -> pyvips.Image:
    colours = bytes(level for colour in product(LEVELS, repeat=3) for level in colour)
    image = pyvips.Image.new_from_memory(colours, len(colours) // 3, 1, 3, "uchar")
    return image.copy(interpretation="srgb")
