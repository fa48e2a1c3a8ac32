"""Relays before several servers, in a process of their own: nothing else here slows them down."""

import asyncio
import multiprocessing
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from typing import Self

from tests.nemesis.networks import Network, Relay

Address = tuple[str, int]


class Relays:
    """By server, the port at which it is reached through a relay. Use as a context manager."""

    def __init__(self, servers: Mapping[str, Address]) -> None:
        self._servers = dict(servers)

    def __enter__(self) -> Self:
        spawning = multiprocessing.get_context("spawn")
        self._told, tells = spawning.Pipe()
        self._process = spawning.Process(target=serve, args=(self._servers, tells), daemon=True)
        self._process.start()
        tells.close()
        self.ports: dict[str, int] = self._told.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._told.close()
        self._process.join()

    def become(self, server: str, network: Network) -> None:
        """From now on the network before a server is like this."""
        self._told.send((server, network))
        self._told.recv()


def serve(servers: Mapping[str, Address], tells: Connection) -> None:
    """Runs in a process of its own, until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides
    asyncio.run(_serve(servers, tells))


async def _serve(servers: Mapping[str, Address], tells: Connection) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    async with AsyncExitStack() as exits:
        relays = {
            name: await exits.enter_async_context(Relay(*address))
            for name, address in servers.items()
        }

        def hear() -> None:
            try:
                server, network = tells.recv()
            except EOFError:
                loop.remove_reader(tells.fileno())
                over.set()
                return
            relays[server].become(network)
            tells.send(None)

        loop.add_reader(tells.fileno(), hear)
        tells.send({name: relay.port for name, relay in relays.items()})
        await over.wait()
