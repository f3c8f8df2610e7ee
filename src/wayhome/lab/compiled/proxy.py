"""Listeners: a proxy ends a flow and opens another one from its own node, for real.

It has no address to connect from: the node's kernel chooses, by the route. The second flow is sighted as the attempt's,
by the nonce with which the client begins.
"""

import asyncio
import errno
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from wayhome.lab.compiled.responder import read_nonce
from wayhome.lab.compiled.serving import LONGEST, Reply
from wayhome.lab.compiled.sightings import Sender, Sightings
from wayhome.lab.compiled.sockets import open_socket
from wayhome.lab.marks import begin_with
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Listener, Protocol, Target
from wayhome.probe.echo import NONCE_BYTES
from wayhome.probe.observation import Leg, Loss
from wayhome.trace.exchange import MOST_PROXIES
from wayhome.trace.translating import NO_ADDRESS
from wayhome.trace.walk import ROUTING_LOOP

ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """One listener of one node. `failed` is told whose second flow the node's kernel refuses to open."""

    node: str
    namespace: NetworkNamespace
    listener: Listener
    sightings: Sightings
    failed: Callable[[int, Loss], None]

    async def relay_stream(self, accepted: socket.socket, source: str) -> None:  # noqa: ARG002 (as servers do)
        """Relay one connection. Raises OSError."""
        loop = asyncio.get_running_loop()
        nonce = await read_nonce(accepted)
        target = self._target()
        with self._open(nonce, target) as upstream:
            try:
                await loop.sock_connect(upstream, (str(target.address), self._port(target)))
            except ConnectionRefusedError:
                pass  # an answer, too
            except OSError:
                self._tell(nonce, NO_ADDRESS, target)
                raise
            else:
                await loop.sock_sendall(upstream, nonce)
                answer = await loop.sock_recv(upstream, LONGEST)
                await loop.sock_sendall(accepted, answer)

    def relay_datagram(self, data: bytes, source: str, reply: Reply) -> None:  # noqa: ARG002
        """Relay one datagram; its answer is waited for."""
        self._waiting(asyncio.create_task(self._datagram(data, reply)))

    def _waiting(self, task: asyncio.Task[None]) -> None:
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)

    async def _datagram(self, data: bytes, reply: Reply) -> None:
        loop = asyncio.get_running_loop()
        nonce, target = data[:NONCE_BYTES], self._target()
        with suppress(TimeoutError, OSError), self._open(nonce, target) as upstream:
            try:
                await loop.sock_connect(upstream, (str(target.address), self._port(target)))
            except OSError:
                self._tell(nonce, NO_ADDRESS, target)
                return
            await loop.sock_sendall(upstream, data)
            async with asyncio.timeout(ANSWER_SECONDS):
                reply(await loop.sock_recv(upstream, LONGEST))

    def _target(self) -> Target:
        return random.choice(self.listener.upstreams)  # noqa: S311 (no secret)

    def _port(self, target: Target) -> int:
        return self.listener.port if target.port is None else target.port

    def _open(self, nonce: bytes, target: Target) -> socket.socket:
        if self.sightings.flows_of(nonce) > MOST_PROXIES:
            self._tell(nonce, ROUTING_LOOP, target)
            raise OSError(errno.ELOOP, "too many proxies")
        protocol = self.listener.protocol
        channel = open_socket(self.namespace, protocol, target.address.family)
        number = self.sightings.attempt_of(nonce)
        if number is not None:
            destination = (str(target.address), self._port(target))
            sender = Sender(number, self.node, channel, destination)
            self.sightings.sends(nonce, sender)
            if protocol is Protocol.TCP:
                begin_with(channel, self.sightings.begins(sender))
        return channel

    def _tell(self, nonce: bytes, cause: str, target: Target) -> None:
        number = self.sightings.attempt_of(nonce)
        if number is not None:
            towards = ip_address(str(target.address))
            self.failed(number, Loss(Leg.REQUEST, self.node, cause, towards))


_TASKS: set[asyncio.Task[None]] = set()
"""An event loop holds its tasks weakly."""
