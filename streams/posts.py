"""Keeps posts and timelines: `uploads` and `media` in, rows out."""

from instastream.handlers.posts import POSTS
from streams.single import worker

app = worker("posts", POSTS, in_flight=128)
