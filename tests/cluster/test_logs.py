"""What runs writes no secret into its logs: neither ours nor those of who uses it."""

from secrets import token_hex

from instastream.client import Client
from tests.cluster.conftest import SMALL, System, eventually, photo
from tests.stores.test_secrets import of_operator


async def test_no_process_writes_down_a_secret(system: System) -> None:
    password = f"a long password {token_hex(8)}"
    user = await Client.joined(system.http, f"discreet_{token_hex(4)}", password)
    declared = await user.declare(content := photo(SMALL), "image/jpeg")
    await user.put(declared["put"], content)
    post = await user.finalize(declared["media_id"], caption="")

    async def is_ready() -> bool:
        return bool((await user.post(post["id"]))["status"] == "ready")

    await eventually(is_ready, "the post is ready")
    signature = declared["put"]["url"].partition("X-Amz-Signature=")[2].partition("&")[0]
    secrets = [
        password,
        user.headers["Authorization"].partition(" ")[2],
        signature,
        *of_operator(system.settings),
    ]
    assert len(signature) == 64
    names = [row.name for row in system.stack.status() if row.log]
    assert {"api", "media", "posts"} <= set(names)
    assert not [(name, one) for name in names for one in secrets if one in system.log(name)]
