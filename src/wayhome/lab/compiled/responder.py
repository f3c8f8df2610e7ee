"""Servers of a lab's nodes: whoever is asked answers, with the source that it saw.

They are opened for the ports that are asked for, on every node where such a flow may end. Over TCP the request is a
nonce, and the answer is a line; over UDP the answer repeats the nonce. Where the model has a listener, a `proxy` has
the port.
"""

import asyncio
import socket

from wayhome.lab.compiled.serving import Reply
from wayhome.lab.compiled.sightings import REPLY
from wayhome.probe.echo import NONCE_BYTES


async def answer_stream(accepted: socket.socket, source: str) -> None:
    """Answer one connection. Raises OSError."""
    loop = asyncio.get_running_loop()
    await read_nonce(accepted)
    await loop.sock_sendall(accepted, f"{source}\n".encode())
    await loop.sock_recv(accepted, 1)  # the client closes first, so that no port here stays busy


def answer_datagram(data: bytes, source: str, reply: Reply) -> None:
    """Answer one datagram."""
    reply(data[:NONCE_BYTES] + REPLY + source.encode())


async def read_nonce(channel: socket.socket) -> bytes:
    """What a client sends first; shorter where it ends before. Raises OSError."""
    loop = asyncio.get_running_loop()
    nonce = b""
    while len(nonce) < NONCE_BYTES and (some := await loop.sock_recv(channel, NONCE_BYTES)):
        nonce += some
    return nonce
