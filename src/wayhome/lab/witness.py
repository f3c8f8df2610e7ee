"""What a target sees of ICMP: who sent each echo request.

An echo reply does not say which source the target saw, so the lab looks on the target: a raw socket gets a copy of
every echo request before the kernel answers it (raw(7)). The prober's nonce, in the payload, names the attempt; the
identifier would not do, since masquerading may change it.
"""

import socket
from ipaddress import IPv4Address, ip_address

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.probe.echo import ICMP_ECHO_REQUEST, ICMPV6_ECHO_REQUEST, NONCE_BYTES
from wayhome.probe.observation import Address


class EchoWitness:
    """The sources of echo requests on one node, from now on."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        """Watch. Raises OSError."""
        with namespace.entered():
            self._four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            try:
                self._six: socket.socket | None = socket.socket(
                    socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6
                )
            except OSError:
                self._six = None  # a kernel without IPv6
        self._sources: dict[bytes, Address] = {}

    def source_of(self, nonce: bytes) -> Address | None:
        """Who sent the echo request with this payload, as this node saw it."""
        self._drain()
        return self._sources.pop(nonce, None)

    def _drain(self) -> None:
        for packet, _ in _waiting(self._four):
            length = (packet[0] & 0xF) * 4  # IPv4 raw sockets show the IP header
            if packet[length] == ICMP_ECHO_REQUEST:
                self._note(packet[length + 8 :], IPv4Address(packet[12:16]))
        for packet, source in _waiting(self._six) if self._six else ():
            if packet[0] == ICMPV6_ECHO_REQUEST:
                self._note(packet[8:], ip_address(source))

    def _note(self, payload: bytes, source: Address) -> None:
        if len(payload) == NONCE_BYTES:
            self._sources[payload] = source

    def close(self) -> None:
        """Stop watching."""
        self._four.close()
        if self._six:
            self._six.close()


def _waiting(channel: socket.socket) -> list[tuple[bytes, str]]:
    packets: list[tuple[bytes, str]] = []
    while True:
        try:
            packet, sender = channel.recvfrom(2048, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return packets
        packets.append((packet, sender[0]))
