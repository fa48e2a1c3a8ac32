"""A process that reads what a file says of itself and decodes its first frame.

Run as a program: a content type and a path in, a reply out. Whatever a hostile file does to it
happens to nobody else.
"""

import sys
from pathlib import Path

import av
import av.audio.codeccontext  # imported here: when they are needed, we may no longer read them
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import msgspec
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from instastream.confinement.children import Refusal
from instastream.confinement.process import Limits, confine
from instastream.errors import Corrupt
from instastream.limits import MEBIBYTE, VIDEO_MS_MAX, VIDEO_PIXELS_MAX, VIDEO_SIDE_MIN
from instastream.video.encoding import DEMUXERS, opening
from instastream.video.source import OUT_OF_MEMORY, Reply, Source

MEMORY_BYTES_MAX = 768 * MEBIBYTE  # 4K of 12 bits without subsampling takes 306
LIMITS = Limits(memory_bytes=MEMORY_BYTES_MAX, cpu_s=20, file_bytes=0)
HDR = {16: "smpte2084", 18: "arib-std-b67"}  # transfer characteristics of H.273
UNTAGGED = 2  # "unspecified", in H.273
SQUEEZE_MAX = 4  # pixels longer than this are an error, or a jest
RATE_UNKNOWN = 30.0
HD_SIDE = 720  # from here on players take colours that are not tagged for BT.709


def probe(path: Path, content_type: str) -> Source:
    """What is in the file; raises Corrupt where that can't be transcoded."""
    try:
        with av.open(
            f"file:{path}",
            format=DEMUXERS[content_type],
            options=opening(content_type),
            metadata_errors="replace",  # names of tracks may be in any encoding
        ) as container:
            return _source(container)
    except (FileNotFoundError, PermissionError, MemoryError):
        raise  # no fault of the file, or not of its bytes alone; all are FFmpegErrors too
    except (
        FFmpegError,
        ValueError,
        LookupError,
        ArithmeticError,
    ) as error:  # PyAV's, of what it reads
        raise Corrupt("damaged", "The file is damaged or incomplete.") from error


def _source(container: InputContainer) -> Source:
    picture = next((one for one in container.streams.video if _moves(one)), None)
    if picture is None:
        raise Corrupt("no-picture", "The file has no moving picture.")
    _check_size(picture.width, picture.height)
    sound = next((one for one in container.streams.audio if one.codec_context), None)
    duration_ms = _duration_ms(container, picture)
    frame = _first_frame(container, picture)
    width, height = _upright(frame, picture)
    return Source(
        width=width,
        height=height,
        rate=float(picture.average_rate or picture.guessed_rate or RATE_UNKNOWN),
        duration_ms=duration_ms,
        is_exact=bool(picture.duration),
        picture=picture.index,
        sound=sound.index if sound else None,
        matrix=_matrix(frame),
        transfer=HDR.get(int(frame.color_trc)),
    )


def _moves(stream: VideoStream) -> bool:
    """Also a cover is a video stream."""
    return bool(stream.codec_context) and not stream.disposition & Disposition.attached_pic


def _check_size(width: int, height: int) -> None:
    if width * height > VIDEO_PIXELS_MAX:
        megapixels = VIDEO_PIXELS_MAX / 1_000_000
        raise Corrupt("too-many-pixels", f"A frame has more than {megapixels:.1f} megapixels.")
    if min(width, height) < VIDEO_SIDE_MIN:
        raise Corrupt("no-picture", f"A side is shorter than {VIDEO_SIDE_MIN} pixels.")


def _duration_ms(container: InputContainer, picture: VideoStream) -> int:
    """As the file says; what browsers record doesn't, and is read to its end."""
    if picture.duration and picture.time_base:
        duration_s = float(picture.duration * picture.time_base)
    elif container.duration:
        duration_s = container.duration / av.time_base
    else:
        duration_s = _end_s(container, picture)
    duration_ms = round(1_000 * duration_s)
    if duration_ms <= 0:
        raise Corrupt("no-duration", "The video has no duration.")
    if duration_ms > VIDEO_MS_MAX:
        raise Corrupt("too-long", f"The video is longer than {VIDEO_MS_MAX // 60_000} minutes.")
    return duration_ms


def _end_s(container: InputContainer, picture: VideoStream) -> float:
    times = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in container.demux(picture)
        if packet.pts is not None
    ]
    container.seek(0)
    return max(times, default=0.0) - min(times, default=0.0)


def _first_frame(container: InputContainer, picture: VideoStream) -> VideoFrame:
    picture.codec_context.thread_count = 1
    frame = next(container.decode(picture), None)
    if frame is None:
        raise Corrupt("no-picture", "The file has no frame that can be decoded.")
    _check_size(frame.width, frame.height)
    return frame


def _upright(frame: VideoFrame, picture: VideoStream) -> tuple[int, int]:
    squeeze = float(picture.sample_aspect_ratio or 1)
    if not 1 / SQUEEZE_MAX <= squeeze <= SQUEEZE_MAX:
        squeeze = 1.0
    width, height = round(frame.width * squeeze), frame.height
    return (height, width) if abs(frame.rotation) % 180 == 90 else (width, height)


def _matrix(frame: VideoFrame) -> str | None:
    """What players take for granted."""
    if int(frame.colorspace) != UNTAGGED or not frame.format.name.startswith("yuv"):
        return None
    return "bt709" if min(frame.width, frame.height) >= HD_SIDE else "bt601"


def _reply(content_type: str, path: Path) -> Reply:
    try:
        return probe(path, content_type)
    except Corrupt as error:
        return Refusal(error.reason, str(error))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


if __name__ == "__main__":
    confine(LIMITS._replace(folder=str(Path(sys.argv[2]).parent)))
    sys.stdout.buffer.write(msgspec.json.encode(_reply(sys.argv[1], Path(sys.argv[2]))))
