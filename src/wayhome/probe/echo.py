"""ICMP echo, as ping sends it.

The socket is of the kind that needs no privilege (SOCK_DGRAM with IPPROTO_ICMP, icmp(7)): the kernel lets groups use
it that `net.ipv4.ping_group_range` names, and container runtimes name all. Its port is the echo's identifier. The
payload is a nonce, so that whoever watches the target finds the echo again after its identifier was translated.
"""

import asyncio
import socket
import struct

from wayhome.probe.observation import Address

ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY = 8, 0
ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY = 128, 129
NONCE_BYTES = 16


async def ask_echo(channel: socket.socket, destination: Address, nonce: bytes) -> None:
    """Send one echo request and wait for its reply. Raises OSError."""
    four = destination.version == 4
    request = ICMP_ECHO_REQUEST if four else ICMPV6_ECHO_REQUEST
    reply = ICMP_ECHO_REPLY if four else ICMPV6_ECHO_REPLY
    loop = asyncio.get_running_loop()
    # The kernel fills in the identifier and the checksum.
    header = struct.pack("!BBHHH", request, 0, 0, 0, 1)
    await loop.sock_sendto(channel, header + nonce, (str(destination), 0))
    while True:
        answer = await loop.sock_recv(channel, 2048)
        if answer[:1] == bytes([reply]) and answer[8:] == nonce:
            return
