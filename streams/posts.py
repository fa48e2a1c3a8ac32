"""Keeps posts and timelines: `uploads` and `media` in, rows out."""

from instastream.events import MediaFailed, MediaReady, UploadFinalized
from instastream.handlers import record_failed, record_finalized, record_ready
from streams.worker import Handlers, worker

HANDLERS: Handlers = {
    UploadFinalized: record_finalized,
    MediaReady: record_ready,
    MediaFailed: record_failed,
}

app = worker("posts", HANDLERS, in_flight=128)
