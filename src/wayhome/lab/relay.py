"""A proxy of the network, for programs that people run: a connection is accepted, and another one opened from its node.

It has no address to connect from: the node's kernel chooses, by the route, as it does for any proxy. Whatever one side
sends is passed on to the other until both have ended.
"""

import asyncio
import random
import socket
from contextlib import suppress
from dataclasses import dataclass

from wayhome.lab.compiled.sockets import open_socket
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Listener

AT_ONCE = 65536
CONNECT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Relay:
    """A TCP listener of a node."""

    namespace: NetworkNamespace
    listener: Listener

    async def serve(self, accepted: socket.socket, source: str) -> None:  # noqa: ARG002 (as servers do)
        """Relay one connection to its end. Raises OSError, TimeoutError where the other side is not reached."""
        target = random.choice(self.listener.upstreams)  # noqa: S311 (no secret)
        port = self.listener.port if target.port is None else target.port
        protocol, family = self.listener.protocol, target.address.family
        with open_socket(self.namespace, protocol, family) as upstream:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(upstream, (str(target.address), port))
            both = (_pass_on(accepted, upstream), _pass_on(upstream, accepted))
            tasks = [loop.create_task(one) for one in both]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()


async def _pass_on(sender: socket.socket, receiver: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while some := await loop.sock_recv(sender, AT_ONCE):
        await loop.sock_sendall(receiver, some)
    with suppress(OSError):  # it has ended already
        receiver.shutdown(socket.SHUT_WR)
