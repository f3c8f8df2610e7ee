"""Connections as the kernel tracks them, and the format in which ctnetlink writes them. Pure.

An entry has two tuples: what the first packet looked like when it came (original), and what a reply to it looks like
(reply). NAT shows in their difference: a reply comes *from* the destination after its translation, and goes *to* the
source after its translation.

The kernel has always written an entry's parts in the same order. The usual shape, two tuples with ports, is read with
one struct and known by its headers; ICMP, zones of one direction and whatever else there is go the long way, attribute
by attribute.

Source: ctnetlink_fill_info() in net/netfilter/nf_conntrack_netlink.c. Numbers are big-endian.
"""

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from wayhome.kernel import attributes
from wayhome.kernel.attributes import NESTED, as_u32
from wayhome.kernel.nfnetlink import NFGENMSG_SIZE
from wayhome.prefixes import Family

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_TIMEOUT, CTA_ID, CTA_ZONE = 1, 2, 3, 7, 12, 18
CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE = 1, 2, 3
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTO_ECHO = {1: (4, 5, 6, 8), 58: (7, 8, 9, 128)}
"""Of ICMP and of IPv6's: the attributes of an echo's identifier, its type and its code, and the type of its request."""
CTA_IP = {Family.IPV4: (1, 2), Family.IPV6: (3, 4)}
"""CTA_IP_V4_SRC and CTA_IP_V4_DST, CTA_IP_V6_SRC and CTA_IP_V6_DST."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the packets of one direction come from and go to. Ports are 0 where the protocol has none."""

    source: int
    destination: int
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """What names an entry: its protocol and its first packet, as it came. An echo's identifier is its source port."""

    family: Family
    protocol: int
    original: Endpoints

    def attributes(self) -> bytes:
        """As ctnetlink reads it."""
        size = self.family.bits // 8
        source, destination = CTA_IP[self.family]
        addresses = attributes.nested(
            CTA_TUPLE_IP,
            attributes.attribute(source, self.original.source.to_bytes(size)),
            attributes.attribute(destination, self.original.destination.to_bytes(size)),
        )
        number = attributes.attribute(CTA_PROTO_NUM, bytes([self.protocol]))
        ends = attributes.nested(CTA_TUPLE_PROTO, number, *self._ends())
        return attributes.nested(CTA_TUPLE_ORIG, addresses, ends)

    def _ends(self) -> tuple[bytes, ...]:
        source_port = struct.pack(">H", self.original.source_port)
        if self.protocol in CTA_PROTO_ECHO:
            identifier, kind, code, request = CTA_PROTO_ECHO[self.protocol]
            return (
                attributes.attribute(identifier, source_port),
                attributes.attribute(kind, bytes([request])),
                attributes.attribute(code, b"\0"),
            )
        return (
            attributes.attribute(CTA_PROTO_SRC_PORT, source_port),
            attributes.attribute(
                CTA_PROTO_DST_PORT, struct.pack(">H", self.original.destination_port)
            ),
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry of connection tracking."""

    family: Family
    protocol: int
    """IANA's number: 6 is TCP, 17 UDP."""
    original: Endpoints
    reply: Endpoints
    status: int
    """The bits IPS_* of linux/netfilter/nf_conntrack_common.h."""
    zone: int
    """0 is the zone of everything that nobody has put into another one."""
    id: int
    """What tells this entry from a later one with the same tuple."""
    timeout: int | None
    """Seconds until it ends if no packet comes; None while a flow table carries it."""
    name: bytes
    """The attributes that name this very entry to the kernel: the original tuple, the zone and the id."""

    @property
    def translated_destination(self) -> int:
        """Where its packets go after all translation of the destination: what the policy looks at."""
        return self.reply.source

    @property
    def translated_source(self) -> int:
        """The source that the destination sees."""
        return self.reply.destination

    @property
    def source_translated(self) -> bool:
        """Whether the destination sees another address than the sender's own. A port alone does not count."""
        return self.reply.destination != self.original.source

    @property
    def destination_translated(self) -> bool:
        """Whether it was opened to another address or port than where its packets go: to a Service, for instance."""
        there, back = self.original, self.reply
        return (back.source, back.source_port) != (there.destination, there.destination_port)


def parse(body: bytes) -> Connection:
    """Read a message of ctnetlink, from nfgenmsg on. Raises ValueError, KeyError or struct.error for what is none."""
    family = _families()[body[0]]
    shape, middle, headers = _usual_shape(family)
    values = (
        shape.unpack_from(body, NFGENMSG_SIZE) if len(body) >= NFGENMSG_SIZE + shape.size else ()
    )
    if values[::2] == headers:
        protocol, original, reply = (
            values[5],
            _from_values(values[1:10:2]),
            _from_values(values[11::2]),
        )
        found = attributes.parse(body[NFGENMSG_SIZE + shape.size :])
        name, zone = body[NFGENMSG_SIZE:middle], found.get(CTA_ZONE, b"")
    else:
        found = attributes.parse(body[NFGENMSG_SIZE:])
        there = attributes.parse(found[CTA_TUPLE_ORIG])
        back = attributes.parse(found[CTA_TUPLE_REPLY])
        protocol, original = _from_attributes(family, there)
        _, reply = _from_attributes(family, back)
        name = attributes.attribute(NESTED | CTA_TUPLE_ORIG, found[CTA_TUPLE_ORIG])
        zone = found.get(CTA_ZONE) or there.get(CTA_TUPLE_ZONE) or back.get(CTA_TUPLE_ZONE, b"")
    if CTA_ZONE in found:  # a zone of the original direction alone stands in its tuple
        name += attributes.attribute(CTA_ZONE, found[CTA_ZONE])
    return Connection(
        family,
        protocol,
        original,
        reply,
        as_u32(found[CTA_STATUS]),
        int.from_bytes(zone),
        as_u32(found[CTA_ID]),
        as_u32(found[CTA_TIMEOUT]) if CTA_TIMEOUT in found else None,
        name + attributes.attribute(CTA_ID, found[CTA_ID]),
    )


def tuple_head(family: Family) -> bytes:
    """What stands in a tuple before its source address: the headers of both addresses and of the source."""
    size = family.bits // 8
    source, _ = CTA_IP[family]
    return struct.pack("=HHHH", 4 + 2 * (4 + size), NESTED | CTA_TUPLE_IP, 4 + size, source)


@cache
def _families() -> dict[int, Family]:
    return {int(family.socket_family): family for family in Family}


@cache
def _usual_shape(family: Family) -> tuple[struct.Struct, int, tuple[bytes, ...]]:
    """Two tuples with ports: their struct, where the first ends, and the headers, which are every other value of it."""
    size = family.bits // 8
    _, destination = CTA_IP[family]
    one = f"12s{size}s4s{size}s8sB3x4sH2x4sH2x"
    length = struct.calcsize(f">{one}")
    headers = [
        (
            struct.pack("=HH", length, NESTED | kind) + tuple_head(family),
            struct.pack("=HH", 4 + size, destination),
            struct.pack("=HHHH", 28, NESTED | CTA_TUPLE_PROTO, 5, CTA_PROTO_NUM),
            struct.pack("=HH", 6, CTA_PROTO_SRC_PORT),
            struct.pack("=HH", 6, CTA_PROTO_DST_PORT),
        )
        for kind in (CTA_TUPLE_ORIG, CTA_TUPLE_REPLY)
    ]
    return struct.Struct(f">{one}{one}"), NFGENMSG_SIZE + length, (*headers[0], *headers[1])


def _from_values(values: tuple[Any, ...]) -> Endpoints:
    source, destination, _, source_port, destination_port = values
    return Endpoints(
        int.from_bytes(source), int.from_bytes(destination), source_port, destination_port
    )


def _from_attributes(family: Family, parts: dict[int, bytes]) -> tuple[int, Endpoints]:
    """The protocol and the endpoints of a tuple."""
    addresses = attributes.parse(parts[CTA_TUPLE_IP])
    protocol = attributes.parse(parts[CTA_TUPLE_PROTO])
    source, destination = CTA_IP[family]
    return protocol[CTA_PROTO_NUM][0], Endpoints(
        int.from_bytes(addresses[source]),
        int.from_bytes(addresses[destination]),
        int.from_bytes(protocol.get(CTA_PROTO_SRC_PORT, b"")),
        int.from_bytes(protocol.get(CTA_PROTO_DST_PORT, b"")),
    )
