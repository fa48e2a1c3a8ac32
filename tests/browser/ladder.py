"""An HLS ladder of two rungs and three segments, small enough to make in half a second."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

SECONDS, SEGMENT_S = 13, 6
HEIGHTS = (180, 90)
SOURCES = (f"testsrc2=s=320x180:r=15:d={SECONDS}", f"sine=d={SECONDS}")
OPTIONS = (
    "-filter_complex [0:v]split[a][b];[b]scale=160:90[c] -map [a] -map 1:a -map [c] -map 1:a "
    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 90 -keyint_min 90 -sc_threshold 0 -c:a aac "
    f"-f hls -hls_time {SEGMENT_S} -hls_playlist_type vod -hls_segment_type fmp4 "
    "-hls_segment_filename %v/%05d.m4s -master_pl_name master.m3u8"
).split()
STREAMS = ["-var_stream_map", "v:0,a:0,name:180p v:1,a:1,name:90p", "%v/index.m3u8"]


def make_ladder(folder: Path) -> dict[str, bytes]:
    """Every file of it, by its path under the master playlist's folder."""
    inputs = [word for source in SOURCES for word in ("-f", "lavfi", "-i", source)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, *OPTIONS, *STREAMS]
    subprocess.run(ffmpeg, cwd=folder, check=True)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
