"""Access tokens: short-lived JWTs signed with Ed25519."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Meta, Struct

from instastream.errors import Rejected
from instastream.ids import SNOWFLAKE_PATTERN, UserId
from instastream.limits import ACCESS_TOKEN_TTL_S
from instastream.spelling import whole

TOKENS_KEPT = 100_000  # checked ones, of 1 kB: those of as many users within 15 minutes


class Claims(Struct, frozen=True):
    """What a token of ours says."""

    iss: Literal["instastream"]
    aud: str
    sub: Annotated[UserId, Meta(pattern=whole(SNOWFLAKE_PATTERN))]
    iat: int
    exp: int


class Signer:
    """Signs and reads access tokens of one system, its audience, with one Ed25519 key."""

    def __init__(self, seed: bytes, *, audience: str) -> None:
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        self._key = OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "d": base64url(seed), "x": base64url(public)}
        )
        self._audience = audience
        self._checked = lru_cache(TOKENS_KEPT)(self._check)

    def sign(self, user_id: UserId, *, now_ms: int) -> str:
        """An access token for `ACCESS_TOKEN_TTL_S` from now."""
        now_s = now_ms // 1000
        claims = Claims(
            "instastream", self._audience, user_id, iat=now_s, exp=now_s + ACCESS_TOKEN_TTL_S
        )
        header = {"alg": "Ed25519"}
        return jwt.encode(header, msgspec.to_builtins(claims), self._key, algorithms=["Ed25519"])

    def user_of(self, token: str, *, now_ms: int) -> UserId:
        """Who a token speaks for; raises Rejected when it is forged, foreign or expired."""
        return self.claims_of(token, now_ms=now_ms).sub

    def claims_of(self, token: str, *, now_ms: int) -> Claims:
        """What a token says; raises as `user_of`. A signature is checked once."""
        claims = self._checked(token)
        if claims.exp * 1000 <= now_ms:
            raise Rejected("expired-token", "this access token has expired: refresh it")
        return claims

    def _check(self, token: str) -> Claims:
        try:
            decoded = jwt.decode(token, self._key, algorithms=["Ed25519"])
            claims = msgspec.convert(decoded.claims, Claims)
        except (JoseError, ValueError, TypeError) as error:  # msgspec's are ValueErrors
            raise Rejected("invalid-token", "this access token is not one of ours") from error
        if claims.aud != self._audience:
            raise Rejected("invalid-token", "this access token is for another system")
        return claims


def base64url(raw: bytes) -> str:
    """As tokens spell bytes: in the URL-safe alphabet, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
