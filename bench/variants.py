"""CPU of rendering every variant of the committed photographs: ours against Pillow's, in one run.

Both decode at a reduced scale where the format can, cascade from variant to variant, turn upright,
convert a profile to sRGB and encode with the same libwebp settings.
"""

import time
from collections.abc import Callable
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from bench.report import Result, report
from instastream import images
from instastream.media import VARIANTS, Rendered, Rendering, VariantSpec

ROUNDS = 5  # the best counts: anything above it is the machine's other work
SRGB = ImageCms.createProfile("sRGB")

Render = Callable[[Path], Rendering]


def main() -> None:
    """Measure, print, write `bench/out/variants.json`."""
    with as_file(files("instastream.photos")) as folder:
        photos = sorted(
            path for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".webp"}
        )
        results = [result for photo in photos for result in _compare(photo)]
    report("variants", [*results, *_totals(results)])


def _compare(photo: Path) -> list[Result]:
    ours_ms = theirs_ms = float("inf")
    for _ in range(ROUNDS):  # taking turns, so that a slow moment hits both
        ours_ms = min(ours_ms, _cpu_ms(images.render, photo))
        theirs_ms = min(theirs_ms, _cpu_ms(pillow, photo))
    return [
        Result(
            name=photo.name,
            value=ours_ms,
            unit="CPU ms",
            ratio=theirs_ms / ours_ms,
            against="Pillow",
        ),
        _bytes(photo),
    ]


def _cpu_ms(render: Render, photo: Path) -> float:
    begun = time.process_time()
    render(photo)
    return 1_000 * (time.process_time() - begun)


def _bytes(photo: Path) -> Result:
    """Work left undone would show as smaller or larger files."""
    ours, theirs = (
        sum(len(variant.content) for variant in render(photo).variants)
        for render in (images.render, pillow)
    )
    return Result(
        name=f"{photo.name}, three variants",
        value=ours / 1_000,
        unit="kB",
        ratio=theirs / ours,
        against="Pillow",
    )


def _totals(results: list[Result]) -> list[Result]:
    totals = []
    for unit in ("CPU ms", "kB"):
        chosen = [result for result in results if result.unit == unit]
        ours = sum(result.value for result in chosen)
        theirs = sum(result.value * (result.ratio or 0) for result in chosen)
        totals.append(
            Result(
                name="all photographs", value=ours, unit=unit, ratio=theirs / ours, against="Pillow"
            )
        )
    return totals


def pillow(path: Path) -> Rendering:
    """The same variants, as well as Pillow can."""
    with Image.open(path) as image:
        image.draft(None, (VARIANTS[0].width, VARIANTS[0].width))  # JPEG shrinks while decoding
        ImageOps.exif_transpose(image, in_place=True)
        profile = image.info.get("icc_profile")
        scaled = image.convert("RGBA") if image.mode == "P" else image
        variants = []
        for spec in VARIANTS:
            scaled = _scaled(scaled, spec.width)
            if profile:
                scaled, profile = _to_srgb(scaled, profile), None
            variants.append(_encoded(scaled, spec))
        return Rendering(variants, thumbhash="", colour="")


def _scaled(image: Image.Image, width: int) -> Image.Image:
    if image.width <= width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    converted = ImageCms.profileToProfile(image, BytesIO(profile), SRGB, outputMode="RGB")
    assert converted
    return converted


def _encoded(image: Image.Image, spec: VariantSpec) -> Rendered:
    out = BytesIO()
    image.save(out, "WEBP", quality=spec.quality, method=spec.effort, exif=b"", icc_profile=b"")
    return Rendered(spec.name, image.width, image.height, out.getvalue())


if __name__ == "__main__":
    main()
