"""Renders what was uploaded: `uploads` in, `media` out."""

import os

from instastream import metrics
from instastream.handlers.media import MEDIA, MEDIA_LAST_WORDS
from streams.single import worker

# One image per core in the render pool, and as many on their way from and to the object store.
app = worker("media", MEDIA, in_flight=2 * (os.cpu_count() or 1), last_words=MEDIA_LAST_WORDS)
metrics.at_zero(metrics.MEDIA, ["photo"], metrics.MEDIA_OUTCOMES)
metrics.at_zero(metrics.RENDER_SECONDS, metrics.OUTCOMES)
