"""Renders what was uploaded: `uploads` in, `media` out."""

import os

from instastream.events import UploadFinalized
from instastream.handlers import render_media
from streams.worker import Handlers, worker

HANDLERS: Handlers = {UploadFinalized: render_media}

# One image per core in the render pool, and as many on their way from and to the object store.
app = worker("media", HANDLERS, in_flight=2 * (os.cpu_count() or 1))
