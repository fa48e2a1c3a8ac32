"""Transcodes what was uploaded: `uploads` in, `media` out. Photographs never wait for it."""

from instastream.handlers.video import VIDEO
from streams.worker import worker

app = worker("video", VIDEO, in_flight=1)  # ffmpeg takes every core by itself
