"""Keeps who there is and who follows whom: `users` and `graph` in, rows out."""

from instastream.events import UserFollowed, UserJoined, UserUnfollowed
from instastream.handlers import record_followed, record_joined, record_unfollowed
from streams.worker import Handlers, worker

HANDLERS: Handlers = {
    UserJoined: record_joined,
    UserFollowed: record_followed,
    UserUnfollowed: record_unfollowed,
}

app = worker("graph", HANDLERS, in_flight=128)
