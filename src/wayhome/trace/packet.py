"""A packet as the tracer carries it: the five values that connections are told apart by."""

from typing import NamedTuple

from wayhome.network import Address, Flow, Protocol

SOURCE_PORT = 40000
"""What stands for a port that the sender's system chooses: from the middle of Linux's range, 32768 to 60999."""


class Packet(NamedTuple):
    """An ICMP echo has its identifier as source port, and 0 as destination port."""

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
            flow.source_port or SOURCE_PORT,
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
