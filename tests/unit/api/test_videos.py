"""What clients see of a video: how far it is, and where it streams from."""

from msgspec.structs import replace

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import MediaReady, Record, Rung, Video
from instastream.handlers.posts import record_ready
from instastream.ids import MediaId
from instastream.media import media_folder
from instastream.stores.memory_transcodes import MemoryTranscodes
from tests.unit.api.conftest import Json, Person, ready_event, serving, single

CLIP = b"the bytes of a video"


async def film(author: Person) -> Json:
    """A post of one video that is still processing."""
    media_id = await author.upload(CLIP, content_type="video/mp4")
    return dict((await author.ask("POST", "/v1/posts", json=single(media_id))).json())


async def test_how_far_a_transcode_is_stands_on_its_post(ada: Person, deps: Deps) -> None:
    post = await film(ada)
    path = f"/v1/posts/{post['id']}"
    [media] = post["media"]
    assert (media["kind"], media["percent"], media["video"]) == ("video", None, None)
    await deps.transcodes.record(MediaId(media["id"]), 42.5)
    assert (await ada.get(path)).json()["media"][0]["percent"] == 42.5
    await record_ready(Record(ready_event(post), 0, 0), deps)
    assert (await ada.get(path)).json()["media"][0]["percent"] is None


class AwayTranscodes(MemoryTranscodes):
    """A store that does not answer."""

    async def read(self, media_ids: list[MediaId]) -> dict[MediaId, float]:
        raise Unavailable("redis", "connection refused")


async def test_a_number_on_a_screen_fails_no_request(ada: Person, deps: Deps) -> None:
    post = await film(ada)
    async with serving(deps, transcodes=AwayTranscodes()) as http:
        response = await http.get(f"/v1/posts/{post['id']}", headers=ada.headers)
    assert response.json() == post


async def test_a_ready_video_is_a_playlist_a_poster_and_its_rungs(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = await film(ada)
    await record_ready(Record(streaming(ready_event(post), private=False), 0, 0), deps)
    [media] = (await bob.get(f"/v1/posts/{post['id']}")).json()["media"]
    assert media["video"] == {
        "url": f"{deps.settings.media_url}/{media_folder('d', generation=0)}/master.m3u8",
        "width": 1280,
        "height": 720,
        "duration_ms": 8_000,
        "rungs": [{"name": "720p", "width": 1280, "height": 720, "bits_per_s": 3_000_000}],
        "bytes": 9_000,
    }
    assert set(media["images"]) == {"full", "feed", "thumb"}


async def test_what_is_private_is_linked_with_a_signature(ada: Person, deps: Deps) -> None:
    post = await film(ada)
    await record_ready(Record(streaming(ready_event(post), private=True), 0, 0), deps)
    [media] = (await ada.get(f"/v1/posts/{post['id']}")).json()["media"]
    assert media["video"]["url"].startswith(f"{deps.settings.media_url}/signed/")


def streaming(event: MediaReady, *, private: bool) -> MediaReady:
    key = f"{media_folder('d', generation=0, private=private)}/master.m3u8"
    rungs = [Rung("720p", 1280, 720, 3_000_000)]
    return replace(event, video=Video(key, 1280, 720, 8_000, 9_000, rungs))
