"""What tells the packets of one attempt from all others, whoever translates their addresses and ports.

A masquerade may change the source's address, port and echo identifier, and only the translating node knows to what.
It does not touch what an attempt carries inside:

- an ICMP echo its payload, a nonce that the reply repeats;
- a TCP packet its sequence number. The attempt's own lie within a few hundred of the first one, which the SYN has;
  what the target sends acknowledges them, so its acknowledgements do too.

The kernel would choose the first number by itself; the lab chooses it (TCP_REPAIR, which takes CAP_NET_ADMIN over the
network and no more), so it is known before the first packet leaves. Each attempt has SPAN numbers for itself, and
they come again after four million attempts: a target that repeats a lost reply for a minute repeats the numbers of
the attempt that is over. A connection of somebody else's to the same port of the same target begins anywhere among
2**32, and is taken for ours once in four million times.

Other ways were considered. The node's conntrack knows the translation, but has to be asked, after the packet died, on
each node that translates. A packet socket on the source tells the first number later than the drop is told. A source
address for each attempt would change what the target sees, which is what the attempt is there to find out.

Source: tcp_v4_connect() and do_tcp_setsockopt() in net/ipv4, RFC 9293, section 3.4.
"""

import random
import socket
import struct
from collections.abc import Iterator

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_SEND_QUEUE = 2

# SYN, FIN and the bytes of a request.
SPAN = 1024
_NUMBERS = 1 << 32


def first_sequences() -> Iterator[int]:
    """The first numbers of attempts, SPAN apart, without end."""
    number = random.randrange(SPAN, _NUMBERS, SPAN)  # noqa: S311 (two probers at once should not begin alike)
    while True:
        if number:  # to the kernel 0 means that nobody chose
            yield number
        number = (number + SPAN) % _NUMBERS


def begin_with(channel: socket.socket, first_sequence: int) -> None:
    """Let a TCP socket that is not connected begin with this number. Raises OSError."""
    for option, value in (
        (TCP_REPAIR, 1),
        (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE),
        (TCP_QUEUE_SEQ, first_sequence),
        (TCP_REPAIR, 0),
    ):
        channel.setsockopt(socket.IPPROTO_TCP, option, struct.pack("=I", value))
