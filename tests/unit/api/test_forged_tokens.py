"""A token that this system did not sign, for itself and as it is, is worth nothing on any way."""

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import OKPKey

from instastream.ids import UserId
from instastream.signing import Signer, base64url
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import Person, problem

NOW_S = 1_795_000_000
SOMEONE = UserId("1571234567890123456")
FOREVER = {"iss": "instastream", "aud": "instastream", "iat": NOW_S, "exp": 10**10}
OURS, ANOTHERS = IN_MEMORY.token_key, b"another key, which is 32 long..."

Json = dict[str, Any]
Forge = Callable[[str], str]


def private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def raw(seed: bytes) -> bytes:
    """The public key that belongs to a seed, as attackers may know it."""
    return private(seed).public_key().public_bytes_raw()


def segment(part: Json) -> str:
    return base64url(json.dumps(part).encode())


def unsigned(header: Json, **claims: object) -> str:
    return f"{segment(header)}.{segment(FOREVER | claims)}"


def by_hmac(header: Json, key: bytes, user_id: str) -> str:
    """As it is verified by whoever takes the public key for a secret."""
    signed = unsigned(header, sub=user_id)
    return f"{signed}.{base64url(hmac.digest(key, signed.encode(), 'sha256'))}"


def by_key(seed: bytes, header: Json, **claims: object) -> str:
    signed = unsigned(header, **claims)
    return f"{signed}.{base64url(private(seed).sign(signed.encode()))}"


def pem() -> bytes:
    return private(OURS).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def as_jwk(seed: bytes) -> Json:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw(seed))}


ED = {"alg": "Ed25519"}
FORGED: dict[str, Forge] = {
    "no signature": lambda me: unsigned({"alg": "none"}, sub=me) + ".",
    "no signature, spelled oddly": lambda me: unsigned({"alg": "nOnE"}, sub=me) + ".",
    "no algorithm": lambda me: by_key(OURS, {}, sub=me),
    "the public key as a secret": lambda me: by_hmac({"alg": "HS256"}, raw(OURS), me),
    "its base64 as a secret": lambda me: by_hmac(
        {"alg": "HS256"}, base64url(raw(OURS)).encode(), me
    ),
    "its PEM as a secret": lambda me: by_hmac({"alg": "HS256"}, pem(), me),
    "nothing as a secret": lambda me: by_hmac({"alg": "HS256"}, b"", me),
    "an HMAC called by our algorithm": lambda me: by_hmac(ED, raw(OURS), me),
    "our signature called RSA": lambda me: by_key(OURS, {"alg": "RS256"}, sub=me),
    "another name of our algorithm": lambda me: by_key(OURS, {"alg": "EdDSA"}, sub=me),
    "several algorithms": lambda me: by_key(OURS, {"alg": ["Ed25519", "none"]}, sub=me),
    "the key of before": lambda me: Signer(ANOTHERS, audience="instastream").sign(
        UserId(me), now_ms=NOW_S * 1_000
    ),
    "a key that it brings": lambda me: by_key(ANOTHERS, ED | {"jwk": as_jwk(ANOTHERS)}, sub=me),
    "a key from elsewhere": lambda me: by_key(
        ANOTHERS, ED | {"jku": "http://127.0.0.1:9/keys", "kid": "../../dev/null"}, sub=me
    ),
    "another system": lambda me: by_key(OURS, ED, sub=me, aud="instastream_other"),
    "several systems": lambda me: by_key(OURS, ED, sub=me, aud=["instastream"]),
    "no system": lambda me: by_key(OURS, ED, sub=me, aud=None),
    "another issuer": lambda me: by_key(OURS, ED, sub=me, iss="accounts.example"),
    "nobody": lambda me: by_key(OURS, ED),
    "a number": lambda me: by_key(OURS, ED, sub=int(me)),
    "an id and more": lambda me: by_key(OURS, ED, sub=f"{me}\n"),
    "an end that is none": lambda me: by_key(OURS, ED, sub=me, exp="never"),
    "no end": lambda me: by_key(OURS, ED, sub=me, exp=None),
    "payload that is not encoded": lambda me: by_key(
        OURS, ED | {"b64": False, "crit": ["b64"]}, sub=me
    ),
    "what has to be understood": lambda me: by_key(OURS, ED | {"crit": ["x"], "x": 1}, sub=me),
}


async def refuse(who: Person, token: str) -> None:
    """Whether the feed's own way or that of all others is taken."""
    for path in ("/v1/feed", "/v1/me"):
        answer = await who.http.get(path, headers={"authorization": f"Bearer {token}"})
        assert problem(answer) == (401, "invalid-token"), path


@pytest.mark.parametrize("kind", FORGED)
async def test_a_forged_token_is_refused(ada: Person, kind: str) -> None:
    await refuse(ada, FORGED[kind](ada.id))


async def test_what_these_tests_forge_is_taken_where_all_of_it_is_right(ada: Person) -> None:
    headers = {"authorization": f"Bearer {by_key(OURS, ED, sub=ada.id)}"}
    for path in ("/v1/feed", "/v1/me"):
        assert (await ada.http.get(path, headers=headers)).status_code == 200


async def test_a_token_of_another_namespace_is_of_another_system(ada: Person) -> None:
    other = Signer(OURS, audience="instastream_t1")
    await refuse(ada, other.sign(ada.id, now_ms=NOW_S * 1_000))


@pytest.mark.parametrize("part", [1, 2])
async def test_parts_of_two_tokens_are_no_token(ada: Person, bob: Person, part: int) -> None:
    mine, others = (who.headers["authorization"].split(" ")[1].split(".") for who in (ada, bob))
    mine[part] = others[part]
    await refuse(ada, ".".join(mine))


@pytest.mark.parametrize(
    "spelled",
    [
        lambda token: f"{token}=",
        lambda token: f"{token}==",
        lambda token: f"{token}.",
        lambda token: f".{token}",
        lambda token: f"{token}!",
        lambda token: f"{token}{'A' * 4}",
        lambda token: token[:-1],
        lambda token: token.replace(".", ".."),
        lambda token: token.replace("-", "+").replace("_", "/") + "=",
        lambda token: json.dumps({"payload": token.split(".")[1]}),
    ],
)
async def test_a_token_has_one_spelling(ada: Person, spelled: Forge) -> None:
    """So that nobody fills what is kept of checked ones with many spellings of one."""
    await refuse(ada, spelled(ada.headers["authorization"].split(" ")[1]))


def test_the_library_reads_what_we_sign() -> None:
    """It is a JWT like any other: services beside this one may check it with the public key."""
    token = Signer(OURS, audience="instastream").sign(SOMEONE, now_ms=0)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": base64url(raw(OURS))})
    claims = jwt.decode(token, key, algorithms=["Ed25519"]).claims
    assert claims == {
        "iss": "instastream",
        "aud": "instastream",
        "sub": SOMEONE,
        "iat": 0,
        "exp": 900,
    }
