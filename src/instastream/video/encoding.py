"""How ffmpeg is told to transcode a video: its arguments, decided without running it."""

from collections.abc import Iterator

from msgspec import Struct

from instastream.limits import VIDEO_MS_MAX, VIDEO_PIXELS_MAX
from instastream.video.ladder import RungPlan
from instastream.video.source import Source

DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
SEGMENT_S = 6  # Apple's authoring guide, and what caches hold well
THREADS_MAX = 8  # more gain nothing at these sizes and cost memory, each in every codec
PRESET, QUALITY = "veryfast", 23  # see docs/decisions/0012
ERROR_RATE_MAX = 0.1  # of frames that can't be decoded: above it the file is damaged
PROGRESS_S = 0.5
INDEX, INITIAL, POSTER = "index.m3u8", "init.mp4", "poster.png"
POSTER_CANDIDATES = 8  # the most typical of so many frames is seldom a black one
POSTER_MS_MAX = 4_000  # from the beginning, where they lie; before it, ffmpeg reports no progress
SOUND = "audio"  # folder of the sound that all rungs share: encoded and stored once
SOUND_BITS_PER_S = 128_000  # stereo AAC that few can tell from the original

# Nothing leaves of what a camera wrote: no place, no serial number, no chapter, no version of ours.
STRIPPED = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
STANDARD = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
# Without edit lists all rungs begin at 0, however long their encoders hold frames back.
CMAF = "use_editlist=0:movflags=+negative_cts_offsets+skip_sidx"


class Job(Struct, frozen=True, kw_only=True):
    """Where ffmpeg reads and writes, within its working directory."""

    original: str
    content_type: str
    folder: str  # there is one within it for each rung, and for the sound
    threads: int


def arguments(job: Job, source: Source, rungs: list[RungPlan]) -> list[str]:
    """All that follow ffmpeg's name."""
    argv = [*_input(job), "-filter_complex", filters(source, rungs)]
    for rung in rungs:
        argv += ["-map", f"[{rung.name}]", *_picture(rung), *_hls(f"{job.folder}/{rung.name}")]
    if source.sound is not None:
        argv += ["-map", f"0:{source.sound}", *_sound(), *_hls(f"{job.folder}/{SOUND}")]
    return [*argv, "-map", "[poster]", *_still(f"{job.folder}/{POSTER}")]


def opening(content_type: str) -> dict[str, str]:
    """What both prober and ffmpeg open a file with: one format, no other file, no network."""
    return {
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXERS[content_type],
        "max_pixels": str(VIDEO_PIXELS_MAX),
    }


def filters(source: Source, rungs: list[RungPlan]) -> str:
    """Decoded once; every rung, and the poster, comes from the highest."""
    top, *lower = rungs
    outputs = "".join(f"[{name}]" for name in (top.name, "still", *(f"{r.name}-in" for r in lower)))
    chains = [
        f"[0:{source.picture}]fps={top.rate}:start_time=0,{_standard(source, top)},"
        f"setsar=1,{STANDARD},split={len(rungs) + 1}{outputs}",
        f"[still]fps={1_000 * POSTER_CANDIDATES}/{min(source.duration_ms, POSTER_MS_MAX)},"
        f"thumbnail={POSTER_CANDIDATES},scale=out_range=pc,format=rgb24[poster]",
    ]
    for rung in lower:
        every = int(top.rate / rung.rate)
        chains.append(f"[{rung.name}-in]framestep={every},{_scale(rung)}[{rung.name}]")
    return ";".join(chains)


def _input(job: Job) -> Iterator[str]:
    yield from ("-hide_banner", "-nostdin", "-loglevel", "error", "-progress", "pipe:1")
    yield from ("-stats_period", str(PROGRESS_S), "-max_error_rate", str(ERROR_RATE_MAX))
    yield from ("-filter_complex_threads", str(job.threads), "-threads", str(job.threads))
    yield from ("-f", DEMUXERS[job.content_type])
    for name, value in opening(job.content_type).items():
        yield from (f"-{name}", value)
    yield from ("-i", f"file:{job.original}")


def _scale(rung: RungPlan) -> str:
    return f"scale={rung.width}:{rung.height}:flags=bicubic"


def _standard(source: Source, rung: RungPlan) -> str:
    """BT.709 in 8 bits, which every screen shows; high dynamic range is tone-mapped."""
    if source.transfer is None:
        matrix = f":in_color_matrix={source.matrix}" if source.matrix else ""
        return f"{_scale(rung)}{matrix}:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    return (
        f"{_scale(rung)},zscale=tin={source.transfer}:min=2020_ncl:pin=2020:t=linear:npl=100,"
        "format=gbrpf32le,zscale=p=709,tonemap=hable:desat=0,"
        "zscale=t=709:m=709:r=limited,format=yuv420p"
    )


def _picture(rung: RungPlan) -> Iterator[str]:
    yield from ("-c:v", "libx264", "-profile:v", "high", "-preset", PRESET, "-crf", str(QUALITY))
    yield from ("-maxrate", str(rung.bits_per_s_max), "-bufsize", str(2 * rung.bits_per_s_max))
    yield from ("-g", str(rung.gop_length), "-keyint_min", str(rung.gop_length))
    yield from ("-sc_threshold", "0")  # a keyframe where the scene changes would be out of step


def _sound() -> Iterator[str]:
    yield from ("-af", "aresample=async=1:first_pts=0")  # gaps stay gaps: lips stay in step
    yield from ("-c:a", "aac", "-b:a", str(SOUND_BITS_PER_S), "-ac", "2", "-ar", "48000")


def _hls(folder: str) -> Iterator[str]:
    yield from ("-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod")
    yield from ("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", INITIAL)
    yield from ("-hls_flags", "independent_segments", "-hls_segment_options", CMAF)
    yield from ("-hls_segment_filename", f"{folder}/%05d.m4s")
    yield from (*STRIPPED, *_longest(), f"{folder}/{INDEX}")


def _still(path: str) -> Iterator[str]:
    yield from ("-frames:v", "1", "-update", "1", "-c:v", "png", "-compression_level", "1")
    yield from (*STRIPPED, path)


def _longest() -> Iterator[str]:
    """Of a file that runs on past what it says, no more than it takes to notice."""
    yield from ("-t", str(VIDEO_MS_MAX / 1_000 + 1))
