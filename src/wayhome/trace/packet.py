"""A packet as the tracer carries it: the five values that connections are told apart by."""

from typing import NamedTuple

from wayhome.network import Address, Flow, Protocol

BY_SYSTEM = 0
"""What stands for a source port that the sender's system chooses; below it is what translating nodes choose, each another."""

_OF_SYSTEM = (32768, 60999)
"""Linux's ip_local_port_range."""
_OF_TRANSLATION = (1024, 65535)
"""Masquerading with --random-fully, the agent's default, does not keep to it (nf_nat_l4proto_unique_tuple)."""


def chosen_from(port: int) -> tuple[int, int] | None:
    """The range that a port is any of, which somebody chooses; None where it is itself."""
    if port == BY_SYSTEM:
        return _OF_SYSTEM
    return _OF_TRANSLATION if port < BY_SYSTEM else None


class Packet(NamedTuple):
    """An ICMP echo has its identifier as source port, and 0 as destination port.

    Of a port that somebody chooses nothing depends on which it is, until the reply meets a filter that did not see the
    flow: there it is any port of the range (`chosen_from`).
    """

    source: Address
    destination: Address
    protocol: Protocol
    source_port: int
    destination_port: int

    @classmethod
    def first_of(cls, flow: Flow) -> "Packet":
        """The packet that opens a flow."""
        return cls(
            flow.source,
            flow.destination,
            flow.protocol,
            flow.source_port or BY_SYSTEM,
            flow.port or 0,
        )

    def turned(self) -> "Packet":
        """The reply to it."""
        return Packet(
            self.destination,
            self.source,
            self.protocol,
            self.destination_port,
            self.source_port,
        )

    def to(self, address: Address, port: int) -> "Packet":
        """The same with another destination."""
        return Packet(self.source, address, self.protocol, self.source_port, port)

    def sent_from(self, address: Address, port: int) -> "Packet":
        """The same with another source."""
        return Packet(address, self.destination, self.protocol, port, self.destination_port)

    def __str__(self) -> str:
        return f"{self.source} > {self.destination}"
