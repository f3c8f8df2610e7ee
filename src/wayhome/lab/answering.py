"""Who answers in a lab that is kept up: every node that has an address, at its ports, out of one process.

Which programs really listen is in no export; what is asked in a lab is whether there is a way there and back. So a node
tells whoever asks the address that it sees: over HTTP as `probe.server` does, to a greeting's port in one line, over
UDP in one datagram. Where the network has a proxy, a `relay` has the port. What a person starts on a node cannot have
these ports, and can have all others.
"""

import asyncio
import json
import socket
from collections.abc import Iterator

from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.compiled.build import BuiltNode
from wayhome.lab.compiled.serving import (
    Reply,
    ServeStream,
    listen,
    serve_datagrams,
    serve_streams,
)
from wayhome.lab.plan import Ports
from wayhome.lab.relay import Relay
from wayhome.network import Node, Protocol
from wayhome.prefixes import Family
from wayhome.probe.flow import GREETING_PORT
from wayhome.probe.server import health

LONGEST_REQUEST = 16384
REQUEST_SECONDS = 10.0


class Answering:
    """The open ports of a network. Nobody is answered before `serve`, and nobody is refused either."""

    def __init__(self, built: BuiltNetwork, ports: Ports) -> None:
        """Open them. Raises OSError."""
        self._streams: list[tuple[socket.socket, ServeStream]] = []
        self._datagrams: list[socket.socket] = []
        for one in built.nodes.values():
            for family in _families(one.node):
                self._open(one, family, ports)

    def _open(self, one: BuiltNode, family: Family, ports: Ports) -> None:
        relays = dict(_relays(one))
        for protocol, port in sorted(ports | {(Protocol.TCP, port) for port in relays}):
            channel = listen(one.namespace, protocol, port, family)
            if protocol is Protocol.UDP:
                self._datagrams.append(channel)
            elif port in relays:
                self._streams.append((channel, relays[port].serve))
            else:
                self._streams.append((channel, _greet if port == GREETING_PORT else _answer))

    async def serve(self) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        for channel in self._datagrams:
            loop.add_reader(channel, serve_datagrams, channel, _answer_datagram)
        await asyncio.gather(*(serve_streams(channel, serve) for channel, serve in self._streams))

    def close(self) -> None:
        """Close the ports."""
        for channel in (*self._datagrams, *(channel for channel, _ in self._streams)):
            channel.close()


def _families(node: Node) -> list[Family]:
    found = {address.family for address in node.addresses}
    return sorted(found | {prefix.family for prefix in node.local})


def _relays(one: BuiltNode) -> Iterator[tuple[int, Relay]]:
    for listener in one.node.listeners:
        if listener.protocol is Protocol.TCP:
            yield listener.port, Relay(one.namespace, listener)


async def _greet(accepted: socket.socket, source: str) -> None:
    await asyncio.get_running_loop().sock_sendall(accepted, f"{source}\n".encode())


async def _answer(accepted: socket.socket, source: str) -> None:
    """One request, and the connection is closed."""
    loop, request = asyncio.get_running_loop(), b""
    async with asyncio.timeout(REQUEST_SECONDS):
        while b"\r\n\r\n" not in request and len(request) < LONGEST_REQUEST:
            some = await loop.sock_recv(accepted, LONGEST_REQUEST)
            if not some:
                return
            request += some
    status, content = health(_path(request), source, accepted.getpeername()[1])
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    await loop.sock_sendall(accepted, head.encode() + body)


def _path(request: bytes) -> str:
    words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return words[1] if len(words) > 1 and words[0] == "GET" else ""


def _answer_datagram(data: bytes, source: str, reply: Reply) -> None:  # noqa: ARG001 (as servers do)
    reply(f"{source}\n".encode())
