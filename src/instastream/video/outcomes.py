"""What became of a transcode: how ffmpeg ended, and what it left in its folder."""

import shutil
import signal
from errno import EAGAIN, EDQUOT, EMFILE, ENFILE, ENOSPC
from pathlib import Path

from instastream.errors import Corrupt, Unavailable
from instastream.events import Rung
from instastream.limits import VIDEO_MS_MAX
from instastream.media import MASTER, Transcoded
from instastream.video.encoding import INDEX, INITIAL, POSTER, SOUND
from instastream.video.ladder import RungPlan
from instastream.video.playlists import Segmented, Stream, avc_codec, master, measure
from instastream.video.source import OUT_OF_MEMORY, Source

LOSS_MS_MAX = 250  # what rounding and lazy muxers explain; more is missing
DAMAGED = "The file is damaged or incomplete."

# ffmpeg exits with the last byte of an error number, which is negative.
MACHINE_TROUBLE = {256 - number for number in (EAGAIN, EDQUOT, EMFILE, ENFILE, ENOSPC)}
OUT_OF_TIME = {-signal.SIGXCPU, 255, 123}  # ffmpeg hears SIGXCPU, ends early, and insists
BUGS = {1, 2, 8, 127}  # Python's, and ffmpeg's for an option that it doesn't have


class Crashed(Exception):
    """A process was killed: for what it did, or for another's memory."""


def judge(code: int, errors: str) -> None:
    """Raise what the exit code of prober or ffmpeg means, unless it is 0."""
    if code in OUT_OF_TIME:
        raise Corrupt("transcode-timeout", "The video takes too long to transcode.")
    if code == OUT_OF_MEMORY:  # of its own limit, whatever else runs here
        raise Corrupt("transcode-crashed", "The video takes too much memory to decode.")
    if code < 0:
        raise Crashed(code)
    if code in MACHINE_TROUBLE:
        raise Unavailable("this machine", errors)
    if code in BUGS:
        raise RuntimeError(f"exit code {code}: {errors}")
    if code:
        raise Corrupt("damaged", DAMAGED)


def collect(folder: Path, source: Source, rungs: list[RungPlan]) -> Transcoded:
    """Write the master playlist and take the poster out; raises Corrupt where much is missing."""
    poster = folder / POSTER
    if not poster.exists():
        raise Corrupt("no-picture", "The file has no frame that can be decoded.")
    pictures = [_measured(folder / rung.name) for rung in rungs]
    sound = _sound(folder / SOUND) if source.sound is not None else None
    duration_ms = _checked(source, pictures[0], sound)
    streams = [
        _stream(folder, rung, picture, sound) for rung, picture in zip(rungs, pictures, strict=True)
    ]
    (folder / MASTER).write_text(master(streams, f"{SOUND}/{INDEX}" if sound else None))
    still = poster.read_bytes()
    poster.unlink()
    return Transcoded(
        poster=still,
        width=rungs[0].width,
        height=rungs[0].height,
        duration_ms=duration_ms,
        rungs=[
            Rung(rung.name, rung.width, rung.height, stream.bits_per_s_peak)
            for rung, stream in zip(rungs, streams, strict=True)
        ],
    )


def _checked(source: Source, picture: Segmented, sound: Segmented | None) -> int:
    """How long it is. ffmpeg is content with half a file: then it just ends before it should."""
    end_s = picture.duration_s
    if sound and not source.is_exact:
        end_s = max(end_s, sound.duration_s)
    if 1_000 * end_s < source.duration_ms - LOSS_MS_MAX:
        raise Corrupt("truncated", f"Only {end_s:.1f} s of {source.duration_ms / 1_000:.1f} exist.")
    if 1_000 * end_s > VIDEO_MS_MAX + LOSS_MS_MAX:
        raise Corrupt("too-long", "The video is longer than it says.")
    return round(1_000 * picture.duration_s)


def _sound(folder: Path) -> Segmented | None:
    """None of a track without samples, which would keep a player waiting; nothing of it is kept."""
    measured = _measured(folder)
    if measured.duration_s:
        return measured
    shutil.rmtree(folder)
    return None


def _measured(folder: Path) -> Segmented:
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.m4s")}
    index = folder / INDEX
    return measure(index.read_text() if index.exists() else "", sizes)


def _stream(folder: Path, rung: RungPlan, picture: Segmented, sound: Segmented | None) -> Stream:
    return Stream(
        uri=f"{rung.name}/{INDEX}",
        width=rung.width,
        height=rung.height,
        rate=rung.rate,
        codec=avc_codec((folder / rung.name / INITIAL).read_bytes()),
        bits_per_s_peak=picture.bits_per_s_peak + (sound.bits_per_s_peak if sound else 0),
        bits_per_s_mean=picture.bits_per_s_mean + (sound.bits_per_s_mean if sound else 0),
    )
