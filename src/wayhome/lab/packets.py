"""As much of a packet as tells whose it is: addresses, transport, ports, and what no translation changes.

A packet comes from the kernel but its bytes come from whoever sent it: whatever is too short or of another kind
decodes to None.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

from wayhome.probe.observation import Address

ECHO_REQUESTS = {(IPPROTO_ICMP, 8), (IPPROTO_ICMPV6, 128)}
ECHO_REPLIES = {(IPPROTO_ICMP, 0), (IPPROTO_ICMPV6, 129)}
TCP_RST, TCP_ACK = 0x04, 0x10


@dataclass(frozen=True, slots=True)
class Packet:
    """The head of a packet.

    An echo's identifier stands as the port of the one who asked; the other port is 0. The numbers are TCP's, and the
    payload is that of an echo or of a datagram of UDP, as far as it was copied.

    A reset has no sequence number here. Whoever is told of a connection that it does not have refuses it with the number
    that it was to acknowledge (RFC 9293, section 3.10.7.1), which is that of somebody else's packets.
    """

    source: Address
    destination: Address
    transport: int
    source_port: int
    destination_port: int
    sequence: int | None = None
    acknowledgement: int | None = None
    payload: bytes = b""


def decode(data: bytes) -> Packet | None:
    """The packet that begins with the IP header `data`."""
    try:
        return _decode(data)
    except (struct.error, IndexError, ValueError):
        return None


def _decode(data: bytes) -> Packet | None:
    source: Address
    destination: Address
    if data[0] >> 4 == 4:
        length, transport = (data[0] & 0xF) * 4, data[9]
        if struct.unpack_from("!H", data, 6)[0] & 0x1FFF:
            return None  # a later fragment has no ports
        source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
    elif data[0] >> 4 == 6:
        length, transport = 40, data[6]
        source, destination = IPv6Address(data[8:24]), IPv6Address(data[24:40])
    else:
        return None
    segment = data[length:]
    if transport == IPPROTO_UDP:
        from_port, to_port = struct.unpack_from("!HH", segment)
        return Packet(source, destination, transport, from_port, to_port, payload=segment[8:])
    if transport == IPPROTO_TCP:
        from_port, to_port, sequence, acknowledgement, flags = struct.unpack_from(
            "!HHIIxB", segment
        )
        own = None if flags & TCP_RST else sequence
        acknowledged = acknowledgement if flags & TCP_ACK else None
        return Packet(source, destination, transport, from_port, to_port, own, acknowledged)
    kind = (transport, segment[0])
    if kind not in ECHO_REQUESTS | ECHO_REPLIES:
        return None
    (identifier,) = struct.unpack_from("!H", segment, 4)
    asked, answered = (identifier, 0) if kind in ECHO_REQUESTS else (0, identifier)
    return Packet(source, destination, transport, asked, answered, payload=segment[8:])
