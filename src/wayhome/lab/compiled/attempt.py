"""One flow, asked for real: a socket on the node that opens it, and what came back.

The socket is bound to the flow's source before anything is sent, whether or not the node has that address. A reply
counts where this very socket gets it, from the address that it asked. A refusal is a reply too: there is a way there,
and a way back.
"""

import asyncio
import secrets
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from wayhome.lab.compiled.asked import Asked
from wayhome.lab.compiled.sightings import REQUEST, Sender, Sightings
from wayhome.lab.compiled.sockets import any_address, in_one_piece, open_socket
from wayhome.lab.marks import begin_with
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Flow, Protocol
from wayhome.probe.echo import NONCE_BYTES, ask_echo


@dataclass(frozen=True, slots=True)
class Attempt:
    """A flow whose socket is open and bound, and which has sent nothing yet."""

    asked: Asked
    channel: socket.socket
    nonce: bytes

    async def reaches(self) -> None:
        """Return when the answer is there. Raises OSError where the node's own kernel refuses."""
        flow = self.asked.flow
        match flow.protocol:
            case Protocol.TCP:
                await self._stream(flow)
            case Protocol.UDP:
                await self._datagram(flow)
            case Protocol.ICMP:
                await self._echo(flow)

    async def _stream(self, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionRefusedError, ConnectionResetError):
            await loop.sock_connect(self.channel, (str(flow.destination), flow.port))
            await loop.sock_sendall(self.channel, self.nonce)
            await loop.sock_recv(self.channel, 256)

    async def _datagram(self, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        wanted = (str(flow.destination), flow.port)
        with suppress(PermissionError):  # what our own rules drop before it leaves; they tell
            await loop.sock_sendto(self.channel, self._padded(self.nonce + REQUEST), wanted)
        while True:
            answer, peer = await loop.sock_recvfrom(self.channel, 256)
            if answer.startswith(self.nonce) and peer[:2] == wanted:
                return

    async def _echo(self, flow: Flow) -> None:
        with suppress(PermissionError):
            data = self._padded(self.nonce)
            await ask_echo(self.channel, ip_address(str(flow.destination)), data)
            return
        await asyncio.Event().wait()

    def _padded(self, data: bytes) -> bytes:
        return data.ljust(self.asked.size, b".")

    def close(self) -> None:
        """Forget the connection at once: nothing more of it is on the way."""
        with suppress(OSError):
            self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_attempt(
    number: int, asked: Asked, namespace: NetworkNamespace, sightings: Sightings
) -> Attempt:
    """Open and bind the socket, and let its packets be recognised. Raises OSError."""
    flow = asked.flow
    nonce = secrets.token_bytes(NONCE_BYTES)
    channel = open_socket(namespace, flow.protocol, flow.source.family)
    sender = Sender(number, asked.at, channel, (str(flow.destination), flow.port or 0))
    try:
        any_address(channel, flow.source.family)
        if flow.protocol is not Protocol.ICMP:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if asked.size:
            in_one_piece(channel, flow.source.family)
        channel.bind((str(flow.source), flow.source_port or next(sightings.ports)))
        if flow.protocol is Protocol.TCP:
            begin_with(channel, sightings.begins(sender))
    except BaseException:
        channel.close()
        raise
    sightings.sends(nonce, sender)
    return Attempt(asked, channel, nonce)
