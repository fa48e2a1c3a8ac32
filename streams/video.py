"""Transcodes what was uploaded: `uploads` in, `media` out. Photographs never wait for it."""

from instastream import metrics
from instastream.handlers.video import VIDEO, VIDEO_LAST_WORDS
from instastream.scratch import sweep
from streams.single import worker

SWEEP_EVERY_S = 60.0  # lists a folder; a killed worker may have left up to 1.2 GB there

# ffmpeg takes every core by itself.
app = worker(
    "video", VIDEO, in_flight=1, last_words=VIDEO_LAST_WORDS, chores={sweep: SWEEP_EVERY_S}
)
metrics.at_zero(metrics.MEDIA, ["video"], metrics.MEDIA_OUTCOMES)
metrics.at_zero(metrics.TRANSCODE_SECONDS, metrics.OUTCOMES)
