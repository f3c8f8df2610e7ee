"""Sockets of a lab's nodes: in any node's network, with any address.

A flow may claim a source that its node does not have, and a server answers at whatever address it was asked for: both
take IP_TRANSPARENT, which takes CAP_NET_ADMIN over the network.
"""

import socket

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Address, Protocol
from wayhome.prefixes import Family

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2
IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50
_KINDS = {
    Protocol.TCP: (socket.SOCK_STREAM, 0),
    Protocol.UDP: (socket.SOCK_DGRAM, 0),
}


def open_socket(namespace: NetworkNamespace, protocol: Protocol, family: Family) -> socket.socket:
    """A socket that never waits, in a node's network. Raises OSError."""
    if protocol is Protocol.ICMP:
        number = socket.IPPROTO_ICMP if family is Family.IPV4 else socket.IPPROTO_ICMPV6
        kind, proto = socket.SOCK_DGRAM, int(number)
    else:
        kind, proto = _KINDS[protocol]
    with namespace.entered():
        channel = socket.socket(family.socket_family, kind, proto)
    channel.setblocking(False)
    return channel


def any_address(channel: socket.socket, family: Family) -> None:
    """Let a socket have addresses that its node does not have. Raises OSError."""
    if family is Family.IPV4:
        channel.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    else:
        channel.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)


def in_one_piece(channel: socket.socket, family: Family) -> None:
    """Let a socket's packets say that nobody may fragment them (DF). Raises OSError."""
    if family is Family.IPV4:
        channel.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
    else:
        channel.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)


def unspecified(family: Family) -> str:
    """The address that stands for none."""
    return str(Address(family, 0))
