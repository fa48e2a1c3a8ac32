"""Moving pictures of the committed photographs: real texture, panned and zoomed, with a sound."""

import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import imageio_ffmpeg

PHOTOS = ("dandelions.jpg", "mountains.jpg")
CHORD = "0.05*(sin(440*PI*t)+sin(554*PI*t)+sin(660*PI*t))"
DEMO = Path(__file__).parent.parent / "src/instastream/clips/wanderings.mp4"


def make(path: Path, *, seconds: int, rate: int, quality: int) -> None:
    """An MP4 of 1280x720 pixels; a `quality` (CRF) of 18 looks like the photographs."""
    photos = Path(str(files("instastream.photos")))
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-nostdin", "-loglevel", "error"]
    for photo in PHOTOS:
        argv += ["-i", str(photos / photo)]
    faded = f"aevalsrc={CHORD}:d={seconds},afade=d=1,afade=out:d=1:st={seconds - 1}"
    argv += ["-f", "lavfi", "-i", faded]
    argv += ["-filter_complex", ";".join(_filters(seconds * rate // len(PHOTOS), rate))]
    argv += ["-map", "[all]", "-map", f"{len(PHOTOS)}:a", "-c:v", "libx264", "-crf", str(quality)]
    argv += ["-preset", "slow", "-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", str(path)]
    subprocess.run(argv, check=True)


def _filters(frames: int, rate: int) -> Iterator[str]:
    """Twice as large as needed, or zooming would go by whole pixels."""
    for at in range(len(PHOTOS)):
        yield (
            f"[{at}]scale=2560:1440:force_original_aspect_ratio=increase,crop=2560:1440,"
            f"zoompan=z=1.1+0.2*on/{frames}:x=(iw-iw/zoom)*on/{frames}:y=(ih-ih/zoom)/2:"
            f"d={frames}:s=1280x720:fps={rate},format=yuv420p,setsar=1[{at}-moving]"
        )
    parts = "".join(f"[{at}-moving]" for at in range(len(PHOTOS)))
    yield f"{parts}concat=n={len(PHOTOS)}[all]"


if __name__ == "__main__":
    make(DEMO, seconds=8, rate=25, quality=30)
