"""Links, addresses, routes and rules as messages of rtnetlink, sent in batches.

A batch is a few datagrams of many messages; the kernel works through one within the call that sends it, and only errors
and the last message are answered. A lab of hundreds of nodes has tens of thousands of messages, and written here one
costs a few microseconds; a general library spends more on encoding it than the kernel on obeying.

Source: rtnetlink(7), linux/rtnetlink.h, linux/if_link.h, linux/fib_rules.h.
"""

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from wayhome.kernel.attributes import attribute, nested, parse, text
from wayhome.kernel.netlink import (
    NLM_F_ACK,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    Netlink,
    kernels_words,
)
from wayhome.lab.compiled.names import Interface
from wayhome.lab.compiled.paths import KernelRoute, KernelRule
from wayhome.network import Address, Protocol
from wayhome.policy.findings import quote
from wayhome.prefixes import Family, Prefix

NETLINK_ROUTE = 0
RTM_NEWLINK, RTM_GETLINK, RTM_SETLINK = 16, 18, 19
RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE = 20, 24, 32
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 18, 28
IFLA_IFALIAS = 20
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFF_UP, IFF_NOARP = 0x1, 0x80
IFLA_OPERSTATE, IF_OPER_UP, IFLA_GSO_MAX_SEGS = 16, 6, 40
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, RTA_MULTIPATH, RTA_TABLE = 1, 4, 5, 7, 9, 15
RTNH_F_ONLINK = 4
RT_TABLE_LOCAL, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST = 255, 0, 253, 254
RTN_UNICAST, RTN_LOCAL, RTPROT_STATIC = 1, 2, 4
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_PRIORITY, FRA_FWMARK = 1, 2, 3, 6, 10
FRA_TABLE, FRA_FWMASK, FRA_IP_PROTO = 15, 16, 22
FR_ACT_TO_TBL = 1

BATCH_BYTES = 1 << 16
# One address for all: a pair without ARP sends to its own, so both ends have to have the same.
_MAC = bytes.fromhex("020000000001")
_ANY_GATEWAY = socket.inet_pton(socket.AF_INET6, "fe80::1")
# Not NLM_F_EXCL for rules: the kernel takes one without a source for the same as any with one (fib4_rule_compare).
_FLAGS = {
    RTM_NEWLINK: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
    RTM_SETLINK: NLM_F_REQUEST,
    RTM_NEWADDR: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
    RTM_NEWROUTE: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
    RTM_NEWRULE: NLM_F_REQUEST | NLM_F_CREATE,
}
_ifinfomsg = struct.Struct("=BxHiII")
_ifaddrmsg = struct.Struct("=BBBBI")
_rtmsg = struct.Struct("=BBBBBBBBI")
_rtnexthop = struct.Struct("=HBBi")
_u32 = struct.Struct("=I")

Message = tuple[int, bytes]


def pair(
    one: Interface,
    one_in: int,
    other: Interface,
    other_in: int,
    mtu: int | None,
    *,
    in_one_piece: bool = False,
) -> Message:
    """A veth pair, each end in the namespace behind a descriptor.

    `in_one_piece`: each packet of TCP goes over it by itself, and not many as one (segmentation offload).
    """
    peer = _link(other, other_in, mtu, in_one_piece=in_one_piece)
    info = nested(
        IFLA_LINKINFO,
        text(IFLA_INFO_KIND, "veth"),
        nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peer)),
    )
    return RTM_NEWLINK, _link(one, one_in, mtu, in_one_piece=in_one_piece) + info


def bridge(interface: Interface, inside: int) -> Message:
    """A bridge without ports, in the namespace behind a descriptor. It has ARP, and nobody who answers."""
    return RTM_NEWLINK, (
        _ifinfomsg.pack(socket.AF_UNSPEC, 0, interface.index, 0, 0)
        + text(IFLA_IFNAME, interface.name)
        + attribute(IFLA_NET_NS_FD, _u32.pack(inside))
        + nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "bridge"))
    )


def _link(interface: Interface, namespace: int, mtu: int | None, *, in_one_piece: bool) -> bytes:
    return (
        _ifinfomsg.pack(socket.AF_UNSPEC, 0, interface.index, IFF_NOARP, IFF_NOARP)
        + text(IFLA_IFNAME, interface.name)
        + attribute(IFLA_ADDRESS, _MAC)
        + attribute(IFLA_NET_NS_FD, _u32.pack(namespace))
        + (attribute(IFLA_MTU, _u32.pack(mtu)) if mtu else b"")
        + (attribute(IFLA_GSO_MAX_SEGS, _u32.pack(1)) if in_one_piece else b"")
    )


def up(interface: Interface, said: str = "") -> Message:
    """An interface is to send and receive. `said` is shown to people beside it (ip-link(8): alias)."""
    header = _ifinfomsg.pack(socket.AF_UNSPEC, 0, interface.index, IFF_UP, IFF_UP)
    # The kernel takes 255 bytes, and programs print them as they are.
    alias = quote(said, 255).encode()[:255]
    return RTM_SETLINK, header + (attribute(IFLA_IFALIAS, alias) if alias else b"")


def address(interface: Interface, value: Address) -> Message:
    """An address of an interface, which stands for nothing but itself."""
    packed = _packed(value.prefix)
    flags = IFA_F_NOPREFIXROUTE | (IFA_F_NODAD if value.family is Family.IPV6 else 0)
    header = _ifaddrmsg.pack(
        value.family.socket_family, value.family.bits, 0, RT_SCOPE_UNIVERSE, interface.index
    )
    local = attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
    return RTM_NEWADDR, header + local + attribute(IFA_FLAGS, _u32.pack(flags))


def local(prefix: Prefix, loopback: Interface) -> Message:
    """Addresses that end here without being any interface's (AnyIP)."""
    header = _header(prefix, RT_SCOPE_HOST, RTN_LOCAL)
    return RTM_NEWROUTE, header + _table(RT_TABLE_LOCAL) + _out(loopback)


def route(wanted: KernelRoute) -> Message:
    """A route."""
    body = _header(wanted.destination, RT_SCOPE_LINK, RTN_UNICAST) + _table(wanted.table)
    if len(wanted.interfaces) == 1:
        body += _out(wanted.interfaces[0])
    else:
        hops = (_hop(way, wanted.destination.family) for way in wanted.interfaces)
        body += attribute(RTA_MULTIPATH, b"".join(hops))
    if wanted.source is not None:
        body += attribute(RTA_PREFSRC, _packed(wanted.source.prefix))
    return RTM_NEWROUTE, body


def _hop(way: Interface, family: Family) -> bytes:
    """One of several. Of IPv6 the kernel wants a gateway of each (rtm_to_fib6_multipath_config); nobody is asked for it."""
    if family is Family.IPV4:
        return _rtnexthop.pack(_rtnexthop.size, 0, 0, way.index)
    gateway = attribute(RTA_GATEWAY, _ANY_GATEWAY)
    return _rtnexthop.pack(_rtnexthop.size + len(gateway), RTNH_F_ONLINK, 0, way.index) + gateway


def rule(wanted: KernelRule) -> Message:
    """A routing rule."""
    source, destination = wanted.source, wanted.destination
    body = _rtmsg.pack(
        wanted.family.socket_family,
        destination.length if destination else 0,
        source.length if source else 0,
        0, 0, 0, 0, FR_ACT_TO_TBL, 0,
    )  # fmt: skip
    body += attribute(FRA_PRIORITY, _u32.pack(wanted.priority))
    body += attribute(FRA_TABLE, _u32.pack(wanted.table))
    if destination and destination.length:
        body += attribute(FRA_DST, _packed(destination))
    if source and source.length:
        body += attribute(FRA_SRC, _packed(source))
    if wanted.interface:
        body += text(FRA_IIFNAME, wanted.interface)
    if wanted.protocol:
        body += attribute(FRA_IP_PROTO, bytes([protocol_number(wanted.protocol, wanted.family)]))
    if wanted.mark is not None:
        body += attribute(FRA_FWMARK, _u32.pack(wanted.mark))
        body += attribute(FRA_FWMASK, _u32.pack(0xFFFFFFFF))
    return RTM_NEWRULE, body


def protocol_number(protocol: Protocol, family: Family) -> int:
    """A protocol's number in the header of a family."""
    match protocol:
        case Protocol.TCP:
            return socket.IPPROTO_TCP
        case Protocol.UDP:
            return socket.IPPROTO_UDP
        case Protocol.ICMP:
            return socket.IPPROTO_ICMP if family is Family.IPV4 else socket.IPPROTO_ICMPV6


def _header(prefix: Prefix, scope: int, kind: int) -> bytes:
    family = prefix.family.socket_family
    header = _rtmsg.pack(family, prefix.length, 0, 0, 0, RTPROT_STATIC, scope, kind, 0)
    return header + (attribute(RTA_DST, _packed(prefix)) if prefix.length else b"")


def _table(number: int) -> bytes:
    return attribute(RTA_TABLE, _u32.pack(number))


def _out(interface: Interface) -> bytes:
    return attribute(RTA_OIF, _u32.pack(interface.index))


def _packed(prefix: Prefix) -> bytes:
    return prefix.first.to_bytes(prefix.family.bits // 8)


class Rtnetlink(Netlink):
    """A socket to rtnetlink, in the network that the calling thread is in."""

    def __init__(self) -> None:
        super().__init__(NETLINK_ROUTE)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """A socket that is closed after the block."""
        channel = cls()
        try:
            yield channel
        finally:
            channel.close()

    def replace(self, wanted: Iterable[KernelRoute]) -> None:
        """Put each route in the place of the one to the same destination. Raises OSError."""
        for one in wanted:
            kind, body = route(one)
            list(self.ask(kind, body, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK))

    def obey(self, wanted: Iterable[Message]) -> None:
        """Make everything in order. Raises OSError for the first thing that the kernel refuses."""
        batch: list[Message] = []
        size = 0
        for message in wanted:
            batch.append(message)
            size += len(message[1]) + 20
            if size > BATCH_BYTES:
                self._send(batch)
                batch, size = [], 0
        if batch:
            self._send(batch)

    def running(self) -> set[int]:
        """The numbers of the interfaces that have a carrier and know it (IFF_RUNNING is set before they do)."""
        found = set()
        body = _ifinfomsg.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        for answer in self.ask(RTM_GETLINK, body, NLM_F_DUMP):
            state = parse(answer[_ifinfomsg.size :]).get(IFLA_OPERSTATE)
            if state == bytes([IF_OPER_UP]):
                found.add(_ifinfomsg.unpack_from(answer)[2])
        return found

    def links(self) -> int:
        """How many interfaces there are."""
        return sum(1 for _ in self.ask(RTM_GETLINK, _ifinfomsg.pack(0, 0, 0, 0, 0), NLM_F_DUMP))

    def _send(self, batch: list[Message]) -> None:
        *others, last = batch
        packed = [self.pack(kind, _FLAGS[kind], body) for kind, body in others]
        packed.append(self.pack(last[0], _FLAGS[last[0]] | NLM_F_ACK, last[1]))
        first = self.sequence - len(batch) + 1
        self.send(b"".join(packed))
        while True:
            for kind, flags, sequence, said in self.receive():
                if kind != NLMSG_ERROR:
                    continue
                number = -struct.unpack_from("=i", said)[0]
                if number:
                    words = kernels_words(flags & (NLM_F_ACK_TLVS | NLM_F_CAPPED), said)
                    refused = (
                        batch[sequence - first] if 0 <= sequence - first < len(batch) else last
                    )
                    raise OSError(number, f"{os.strerror(number)} {words} ({refused[0]})".strip())
                if sequence == self.sequence:
                    return
