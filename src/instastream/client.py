"""A client of the HTTP API, as the demo, the benches and the tests use it."""

from typing import Any, Self

from httpx2 import AsyncClient, Response
from msgspec import Struct

from instastream.errors import InstastreamError
from instastream.limits import PART_BYTES, PUT_BYTES_MAX
from instastream.parts import sha256_of, sha256_of_parts

TIMEOUT_S = 30.0  # uploads of 30 MB to a busy store included

Json = dict[str, Any]


class Refused(InstastreamError):
    """The API answered with a problem."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Uploaded(Struct, frozen=True):
    """An upload that lies in the object store, ready to be finalized."""

    media_id: str
    size_bytes: int


class Client:
    """One user, or nobody yet; raises Refused for every answer that is not 2xx."""

    def __init__(self, http: AsyncClient, *, access_token: str = "", user_id: str = "") -> None:
        self._http = http
        self.headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        self.user_id = user_id

    @classmethod
    async def joined(cls, http: AsyncClient, username: str, password: str) -> Self:
        """A new user, signed in."""
        body = {"username": username, "password": password}
        nobody = cls(http)
        user = await nobody.call("POST", "/v1/users", json=body)
        tokens = await nobody.call("POST", "/v1/tokens", json=body)
        return cls(http, access_token=tokens["access_token"], user_id=user["id"])

    async def follow(self, user_id: str) -> None:
        """See what someone posts."""
        await self.call("PUT", f"/v1/users/{user_id}/follow")

    async def upload(self, content: bytes, content_type: str) -> Uploaded:
        """Declare an upload and PUT it straight to the object store, a large one in parts."""
        answer = await self.declare(content, content_type)
        if "parts" in answer:
            return await self.resume(answer["media_id"], content)
        await self.put(answer["put"], content)
        return Uploaded(answer["media_id"], len(content))

    async def declare(self, content: bytes, content_type: str) -> Json:
        """Say what will be uploaded; the answer says how."""
        whole = len(content) <= PUT_BYTES_MAX
        declared = {
            "content_type": content_type,
            "size_bytes": len(content),
            "sha256": sha256_of(content) if whole else sha256_of_parts(_sha256s(content)),
        }
        return await self.call("POST", "/v1/uploads", json=declared)

    async def resume(self, media_id: str, content: bytes) -> Uploaded:
        """Send the parts of an upload that have not arrived, whoever sent the others."""
        upload = await self.call("GET", f"/v1/uploads/{media_id}")
        for number, part in enumerate(_cut(content), 1):
            if number not in upload["parts"]["arrived"]:
                await self.send_part(media_id, number, part)
        await self.complete(media_id, content)
        return Uploaded(media_id, len(content))

    async def send_part(self, media_id: str, number: int, part: bytes) -> None:
        """PUT one part."""
        await self.put(await self.sign_part(media_id, number, part), part)

    async def sign_part(self, media_id: str, number: int, part: bytes) -> Json:
        """Where to PUT one part, within the next minutes."""
        wanted = {"parts": [{"number": number, "sha256": sha256_of(part)}]}
        signed = await self.call("POST", f"/v1/uploads/{media_id}/parts", json=wanted)
        return dict(signed["parts"][0]["put"])

    async def complete(self, media_id: str, content: bytes) -> Json:
        """Have the parts put together."""
        of_parts = {"sha256s": _sha256s(content)}
        return await self.call("POST", f"/v1/uploads/{media_id}/complete", json=of_parts)

    async def put(self, put: Json, content: bytes) -> None:
        """PUT bytes where an answer says."""
        _checked(await self._http.put(put["url"], headers=put["headers"], content=content))

    async def finalize(self, *media_ids: str, caption: str) -> Json:
        """Make uploads a post, in this order."""
        body = {"caption": caption, "media": [{"media_id": media_id} for media_id in media_ids]}
        return await self.call("POST", "/v1/posts", json=body)

    async def post(self, post_id: str) -> Json:
        """One post."""
        return await self.call("GET", f"/v1/posts/{post_id}")

    async def like(self, post_id: str) -> None:
        """Like a post."""
        await self.call("PUT", f"/v1/posts/{post_id}/like")

    async def comment(self, post_id: str, text: str) -> Json:
        """Say something about a post."""
        return await self.call("POST", f"/v1/posts/{post_id}/comments", json={"text": text})

    async def feed(self, *, limit: int = 30, cursor: str = "") -> Json:
        """A page of the user's feed: posts and the next cursor."""
        params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return await self.call("GET", "/v1/feed", params=params)

    async def call(self, method: str, path: str, **request: Any) -> Json:
        """Any call of the API; the JSON it answered, {} when it answered none."""
        response = _checked(await self._http.request(method, path, headers=self.headers, **request))
        return dict(response.json()) if response.content else {}


def _cut(content: bytes) -> list[bytes]:
    return [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]


def _sha256s(content: bytes) -> list[str]:
    return [sha256_of(part) for part in _cut(content)]


def _checked(response: Response) -> Response:
    if response.is_success:
        return response
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    problem = response.json() if is_problem else {"detail": response.text[:500]}
    raise Refused(response.status_code, problem)
