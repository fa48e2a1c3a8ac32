"""Images are served by the edge: MISS, then HIT, and nothing but variants."""

from tests.cluster.conftest import System, eventually, photo, post


async def test_an_image_is_a_miss_and_then_a_hit(system: System) -> None:
    author = await system.join("author")
    posted = await post(author, photo())

    async def ready() -> bool:
        return bool((await author.post(posted["id"]))["status"] == "ready")

    await eventually(ready, "the post ready")
    for variant in (await author.post(posted["id"]))["media"][0]["images"].values():
        seen = [await system.http.get(variant["url"]) for _ in range(2)]
        assert [response.headers["x-cache"] for response in seen] == ["MISS", "HIT"]
        for response in seen:
            assert response.status_code == 200
            assert len(response.content) == variant["bytes"]
            assert response.headers["content-type"] == "image/webp"
            assert "immutable" in response.headers["cache-control"]


async def test_an_original_is_never_served(system: System) -> None:
    author = await system.join("author")
    uploaded = await author.upload(photo(), "image/jpeg")
    key = f"uploads/{author.user_id}/{uploaded.media_id}"
    for base in (system.settings.media_url, f"{system.settings.s3}/{system.settings.bucket}"):
        response = await system.http.get(f"{base}/{key}")
        assert response.status_code in (403, 404)
