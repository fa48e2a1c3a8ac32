"""An API that says whom it heard, served as ours is: `python -m tests.edge.front_world PORT`."""

import sys
from ipaddress import ip_network

from starlette.types import Receive, Scope, Send

from instastream.api.server import serve

heard: list[str] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers /heard with everything that was asked before, and from where."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    told = "\n".join(heard).encode()
    heard.append(f"{scope['path']} {scope['client'][0]}")
    length = str(len(told)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": told})


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), fronts=[ip_network("127.0.0.1")])
