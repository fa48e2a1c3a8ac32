"""As well as Pillow can, with the interpreter that runs this: Pillow-SIMD is another one's Pillow.

JPEGs are halved while they are decoded where enough is left, scaled before they are turned upright
or converted to sRGB, and each variant is scaled from the one before.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from bench.rivals.answering import Wanted, answer

SRGB = ImageCms.createProfile("sRGB")
ORIENTATION = 0x0112
LYING = {5, 6, 7, 8}  # orientations whose width is the photograph's height


def render(photo: Path, folder: Path, wanted: list[Wanted]) -> None:
    """Every variant, cascading."""
    with Image.open(photo) as image:
        scaled = _widest(image, wanted[0]["width"])
        for spec in wanted:
            scaled = _scaled(scaled, spec["width"])
            options = {"quality": spec["quality"], "method": spec["effort"]}
            plain = {"exif": b"", "icc_profile": b""}
            scaled.save(folder / f"{spec['name']}.webp", "WEBP", **options, **plain)


def _widest(image: Image.Image, width: int) -> Image.Image:
    lying = image.getexif().get(ORIENTATION) in LYING
    upright_width = image.height if lying else image.width
    if upright_width > width:
        scale = width / upright_width
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.draft(None, size)
    profile = image.info.get("icc_profile")
    colours = image.convert("RGBA") if image.mode == "P" else image
    if upright_width > width:
        colours = colours.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    upright = ImageOps.exif_transpose(colours)
    return _to_srgb(upright, profile) if profile else upright


def _scaled(image: Image.Image, width: int) -> Image.Image:
    if image.width <= width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    converted = ImageCms.profileToProfile(image, BytesIO(profile), SRGB, outputMode="RGB")
    assert converted
    return converted


if __name__ == "__main__":
    answer(render)
