"""The posts of an invented world, and who likes them."""

from random import Random
from uuid import UUID

from instastream.events import (
    AltText,
    MediaReady,
    PostDeleted,
    PostEdited,
    PostLiked,
    PostUnliked,
    UploadFinalized,
    Variant,
)
from instastream.ids import LikeId, MediaId, Mint, PostId, UserId
from instastream.limits import LIKE_SHARDS_PULLED
from instastream.load.into_topics.crowd import Lately, Popular, Post
from instastream.load.into_topics.people import Happening, People
from instastream.media import VARIANTS, media_folder, object_key

PHOTO_BYTES = (200_000, 12_000_000)


class Posting(People):
    """People and their posts, which are rendered at once; no object is anywhere."""

    def __init__(self, random: Random, mint: Mint, *, zipf: float, celebrities: int) -> None:
        super().__init__(random, mint, zipf=zipf, celebrities=celebrities)
        self._posts: Popular[Post] = Popular(random, zipf=zipf)
        self._liked: Lately[tuple[UserId, Post]] = Lately(random)

    def post(self) -> Happening:
        """Someone popular posts a photograph, and it is rendered at once."""
        author = self._users.popular()
        pulled = author in self._pulled
        post = Post(PostId(self._id()), author, LIKE_SHARDS_PULLED if pulled else 1)
        self._posts.add(post)
        finalized = UploadFinalized(
            media_id=self._media_id(),
            post_id=post.post_id,
            author_id=author,
            content_type="image/jpeg",
            size_bytes=self._random.randrange(*PHOTO_BYTES),
            caption=self._words(),
            alt_text="a photograph",
            private=author in self._private,
            fanout="pull" if pulled else "push",
            like_shards=post.shards,
            at_ms=self.now_ms,
        )
        return finalized, self._ready(finalized)

    def edit_post(self) -> Happening:
        """Its author finds other words."""
        if not self._posts.all:
            return self.post()
        post = self._posts.any()
        return (
            PostEdited(
                post_id=post.post_id,
                author_id=post.author_id,
                caption=self._words(),
                alt_texts=[AltText(0, self._words())],
                at_ms=self.now_ms,
            ),
        )

    def delete_post(self) -> Happening:
        """Its author takes a post back that is not very popular."""
        if not self._posts.all:
            return self.post()
        post = self._posts.take()
        post.deleted = True
        return (PostDeleted(post_id=post.post_id, author_id=post.author_id, at_ms=self.now_ms),)

    def like(self) -> Happening:
        """Someone likes a popular post."""
        if not self._posts.all:
            return self.post()
        user, post = self._users.any(), self._posts.popular()
        self._liked.add((user, post))
        return (
            PostLiked(
                user_id=user,
                post_id=post.post_id,
                like_id=LikeId(self._id()),
                shards=post.shards,
                at_ms=self.now_ms,
            ),
        )

    def unlike(self) -> Happening:
        """Who liked a post no longer does."""
        if not self._liked:
            return self.like()
        user, post = self._liked.take()
        if post.deleted:
            return self.like()
        return (
            PostUnliked(user_id=user, post_id=post.post_id, shards=post.shards, at_ms=self.now_ms),
        )

    def _ready(self, upload: UploadFinalized) -> MediaReady:
        digest = f"{self._random.getrandbits(128):032x}"
        folder = media_folder(digest, generation=0, private=upload.private)
        return MediaReady(
            media_id=upload.media_id,
            post_id=upload.post_id,
            author_id=upload.author_id,
            digest=digest,
            variants=[
                Variant(
                    name=spec.name,
                    key=object_key(folder, spec.name),
                    width=spec.width,
                    height=spec.width * 3 // 4,
                    size_bytes=spec.width * spec.width // 8,
                )
                for spec in VARIANTS
            ],
            colour="#806040",
            fanout=upload.fanout,
            at_ms=self.now_ms,
        )

    def _media_id(self) -> MediaId:
        return MediaId(str(UUID(int=self._random.getrandbits(128), version=4)))
