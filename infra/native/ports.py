"""Which ports the servers listen on: free ones, chosen once and then remembered."""

import random
import socket
from collections.abc import Collection, Mapping
from itertools import islice

from instastream.errors import Unready

# Below 32768, where Linux begins to hand out ports to outgoing connections.
PORTS = range(22_000, 30_000)
# SeaweedFS's own worker finds its admin's second port by adding this, whatever it is told.
GRPC_OFFSET = 10_000
PORTS_WITH_GRPC = range(20_000, 22_000)
assert PORTS_WITH_GRPC.stop <= PORTS.start
assert PORTS.stop <= PORTS_WITH_GRPC.start + GRPC_OFFSET
assert PORTS_WITH_GRPC.stop + GRPC_OFFSET < 32_768


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def configured(name: str, environ: Mapping[str, str]) -> int | None:
    """The port that the environment asks for; raises Unready when that is no port."""
    variable = f"INSTASTREAM_{name.upper()}_PORT"
    text = environ.get(variable)
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise Unready(f"{variable} must be a number from 1 to 65535")
    return int(text)


def check_free(name: str, port: int) -> None:
    """Raise Unready when something else listens on a server's own port."""
    if not is_free(port):
        raise Unready(
            f"port {port} of {name} is taken by another program: stop that, "
            f"or choose another port with INSTASTREAM_{name.upper()}_PORT"
        )


def still_free(remembered: Mapping[str, int]) -> bool:
    """Whether a server's ports but the clients' one, which may not change, are free again."""
    others = {port for purpose, port in remembered.items() if purpose != "port"}
    return bool(remembered) and all(map(is_free, others))


def free_ports(count: int, taken: Collection[int]) -> list[int]:
    """Several free ports, none of `taken`; random, so that stacks that start at once don't meet."""
    candidates = random.sample(PORTS, len(PORTS))
    return list(islice((port for port in candidates if _is_open(taken, port)), count))


def free_port_with_grpc(taken: Collection[int]) -> int:
    """A port that is free together with the one `GRPC_OFFSET` above it."""
    candidates = random.sample(PORTS_WITH_GRPC, len(PORTS_WITH_GRPC))
    return next(port for port in candidates if _is_open(taken, port, port + GRPC_OFFSET))


def _is_open(taken: Collection[int], *ports: int) -> bool:
    return all(port not in taken and is_free(port) for port in ports)
