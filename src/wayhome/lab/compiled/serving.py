"""Sockets that serve a port of a node, at all of its addresses: what servers and proxies have in common.

They run in the lab's own event loop: the network is what a lab is asked about, and a process for each port of each node
would make its building slow and show nothing more.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from functools import partial

from wayhome.lab.compiled.sockets import (
    IP_PKTINFO,
    IPV6_PKTINFO,
    IPV6_RECVPKTINFO,
    any_address,
    open_socket,
    unspecified,
)
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Protocol
from wayhome.prefixes import Family

BACKLOG = 1024
LONGEST = 2048

ServeStream = Callable[[socket.socket, str], Awaitable[None]]
"""Serves an accepted connection, which came from this address."""
Reply = Callable[[bytes], None]
"""Answers a datagram, from the address that it was sent to."""
ServeDatagram = Callable[[bytes, str, Reply], None]


def listen(
    namespace: NetworkNamespace, protocol: Protocol, port: int, family: Family
) -> socket.socket:
    """A socket to which a port of a node belongs, at all addresses. Raises OSError."""
    channel = open_socket(namespace, protocol, family)
    try:
        any_address(channel, family)
        if family is Family.IPV6:
            channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol is Protocol.TCP:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif family is Family.IPV4:
            channel.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        else:
            channel.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        channel.bind((unspecified(family), port))
        if protocol is Protocol.TCP:
            channel.listen(BACKLOG)
    except BaseException:
        channel.close()
        raise
    return channel


async def serve_streams(channel: socket.socket, serve: ServeStream) -> None:
    """Serve connections until cancelled."""
    loop = asyncio.get_running_loop()
    busy: set[asyncio.Task[None]] = set()
    with ExitStack() as held:
        held.callback(lambda: [task.cancel() for task in busy])
        while True:
            accepted, peer = await loop.sock_accept(channel)
            task = asyncio.create_task(_one(accepted, str(peer[0]), serve))
            busy.add(task)
            task.add_done_callback(busy.discard)


async def _one(accepted: socket.socket, source: str, serve: ServeStream) -> None:
    with accepted, suppress(OSError):
        accepted.setblocking(False)
        await serve(accepted, source)


def serve_datagrams(channel: socket.socket, serve: ServeDatagram) -> None:
    """Serve the datagrams that wait."""
    with suppress(BlockingIOError):
        while True:
            data, ancillary, _, peer = channel.recvmsg(LONGEST, 256)
            reply = partial(_reply, channel, _from_where_it_was_sent(ancillary), peer)
            serve(data, str(peer[0]), reply)


def _reply(
    channel: socket.socket, source: list[tuple[int, int, bytes]], peer: object, data: bytes
) -> None:
    with suppress(OSError):  # our own rules may drop it before it leaves; they tell
        channel.sendmsg([data], source, 0, peer)  # type: ignore[arg-type]


def _from_where_it_was_sent(
    ancillary: list[tuple[int, int, bytes]],
) -> list[tuple[int, int, bytes]]:
    """The same address as source (ip(7), ipv6(7)), by whatever interface: the routes decide."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            _, _, asked = struct.unpack("=I4s4s", data)
            return [(level, kind, struct.pack("=I4s4s", 0, asked, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            return [(level, kind, data[:16] + bytes(4))]
    return []
