"""The people of an invented world: each method lets something happen, and says it in events."""

from random import Random
from typing import TypeAlias

from instastream.events import (
    Event,
    FollowRequested,
    ProfileChanged,
    UserBlocked,
    UserFollowed,
    UserJoined,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.ids import Mint, UserId
from instastream.load.into_topics.crowd import Lately, Popular

Happening: TypeAlias = tuple[Event, ...]
Pair: TypeAlias = tuple[UserId, UserId]

WORDS = (
    "what a light",
    "wish I were there",
    "this one is my favourite so far",
    "which lens is this?",
    "the colours!",
    "see you there on Sunday",
    "I walked past this a hundred times and never saw it",
    "wow",
)


class People:
    """Who there is, and what they are to each other, at `now_ms`.

    Where there is nothing to take back, it is said.
    """

    def __init__(self, random: Random, mint: Mint, *, zipf: float, celebrities: int) -> None:
        self.now_ms = 0
        self._random = random
        self._mint = mint
        self._celebrities = celebrities
        self._users: Popular[UserId] = Popular(random, zipf=zipf)
        self._pulled: set[UserId] = set()
        self._private: set[UserId] = set()
        self._followed: Lately[Pair] = Lately(random)
        self._blocked: Lately[Pair] = Lately(random)
        self._muted: Lately[Pair] = Lately(random)

    def join(self) -> Happening:
        """Someone joins; the first are to be celebrities."""
        user_id = UserId(self._id())
        if len(self._pulled) < self._celebrities:
            self._pulled.add(user_id)
        self._users.add(user_id)
        return (UserJoined(user_id=user_id, username=username_of(user_id), at_ms=self.now_ms),)

    def private(self) -> Happening:
        """An account becomes private, or public again."""
        user_id = self._users.any()
        self._private ^= {user_id}
        private = user_id in self._private
        return (ProfileChanged(user_id=user_id, private=private, at_ms=self.now_ms),)

    def follow(self) -> Happening:
        """Someone follows someone popular, or asks to where that one is private."""
        follower, followee = self._two()
        kind = FollowRequested if followee in self._private else UserFollowed
        self._followed.add((follower, followee))
        return (kind(follower_id=follower, followee_id=followee, at_ms=self.now_ms),)

    def unfollow(self) -> Happening:
        """Who followed, or asked to, no longer does."""
        if not self._followed:
            return self.follow()
        follower, followee = self._followed.take()
        return (UserUnfollowed(follower_id=follower, followee_id=followee, at_ms=self.now_ms),)

    def block(self) -> Happening:
        """Someone wants nothing to do with someone."""
        blocker, blocked = self._two()
        self._blocked.add((blocker, blocked))
        return (UserBlocked(blocker_id=blocker, blocked_id=blocked, at_ms=self.now_ms),)

    def unblock(self) -> Happening:
        """Who blocked no longer does."""
        if not self._blocked:
            return self.block()
        blocker, blocked = self._blocked.take()
        return (UserUnblocked(blocker_id=blocker, blocked_id=blocked, at_ms=self.now_ms),)

    def mute(self) -> Happening:
        """Someone has had enough of someone for now."""
        muter, muted = self._two()
        self._muted.add((muter, muted))
        return (UserMuted(muter_id=muter, muted_id=muted, at_ms=self.now_ms),)

    def unmute(self) -> Happening:
        """Who muted no longer does."""
        if not self._muted:
            return self.mute()
        muter, muted = self._muted.take()
        return (UserUnmuted(muter_id=muter, muted_id=muted, at_ms=self.now_ms),)

    def _two(self) -> Pair:
        """Someone, and someone else who is popular."""
        other, one = self._users.popular(), self._users.any()
        while one == other:
            one = self._users.any()
        return one, other

    def _id(self) -> str:
        return self._mint.next(self.now_ms)

    def _words(self) -> str:
        return WORDS[int(self._random.random() * len(WORDS))]


def username_of(user_id: UserId) -> str:
    """What nobody else is called."""
    return f"load_{user_id}"
