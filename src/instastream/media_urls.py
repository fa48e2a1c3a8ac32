"""Where clients find media: plain URLs that never change, and signed ones of what is private."""

from hashlib import blake2b, md5

from instastream.limits import PRIVATE_URL_TTL_S
from instastream.settings import Settings
from instastream.signing import base64url

PRIVATE = "private/"
FOLDER_DEPTH = 3  # private/{digest}/{rendering}-{generation}: what one signature opens


def media_url(settings: Settings, key: str, *, now_s: int) -> str:
    """The URL of an object. Of a private one it works for one to two `PRIVATE_URL_TTL_S`.

    Signed URLs are the same for a whole `PRIVATE_URL_TTL_S`, so that clients can cache what they
    show. The signature stands before the folder: playlists' relative URLs inherit it.
    """
    if not key.startswith(PRIVATE):
        return f"{settings.media_url}/{key}"
    expires_s = (now_s // PRIVATE_URL_TTL_S + 2) * PRIVATE_URL_TTL_S
    folder = "/".join(key.split("/")[:FOLDER_DEPTH])
    token = _token(settings, folder, expires_s=expires_s)
    return f"{settings.media_url}/signed/{expires_s}/{token}/{key}"


def link_key(edge_key: bytes) -> str:
    """What signs URLs: 64 characters, one block of MD5. Shared with the edge."""
    return _derived(edge_key, "link")


def origin_key(edge_key: bytes) -> str:
    """What the edge shows the object store to read what is private."""
    return _derived(edge_key, "origin")


def _derived(edge_key: bytes, purpose: str) -> str:
    return blake2b(purpose.encode(), key=edge_key, digest_size=32).hexdigest()


def _token(settings: Settings, folder: str, *, expires_s: int) -> str:
    """As nginx's secure_link computes it; docs/decisions/0014 says why MD5 is enough for this."""
    key = link_key(settings.edge_key)
    signed = f"{key} {expires_s} {settings.bucket}/{folder} {key}"
    return base64url(md5(signed.encode(), usedforsecurity=False).digest())
