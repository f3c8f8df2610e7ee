"""A flow: what one side sends to the other when it opens a connection."""

from dataclasses import dataclass
from enum import StrEnum

from wayhome.network.address import Address


class Protocol(StrEnum):
    """What can be asked about. ICMP is the echo of the flow's family, so ICMPv6 for IPv6."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


@dataclass(frozen=True, slots=True)
class Flow:
    """Addresses as the sender writes them, before any translation.

    `port` is the destination's, and None for ICMP. `source_port` is None where the sender's system chooses it.
    Raises ValueError for a flow that cannot be.
    """

    source: Address
    destination: Address
    protocol: Protocol
    port: int | None = None
    source_port: int | None = None

    def __post_init__(self) -> None:
        if self.source.family is not self.destination.family:
            raise ValueError(f"{self.source} and {self.destination} are of different families")
        if (self.port is None) is not (self.protocol is Protocol.ICMP):
            raise ValueError(
                f"a flow of {self.protocol} needs a port"
                if self.port is None
                else "ICMP has no ports; leave the port out"
            )
        for port in (self.port, self.source_port):
            if port is not None and not 0 < port < 65536:
                raise ValueError(f"{port} is not a port; write one from 1 to 65535")

    def reversed(self) -> "Flow":
        """The destination opens a connection to the source, at the same port: no reply, but a new flow."""
        return Flow(self.destination, self.source, self.protocol, self.port)

    def __str__(self) -> str:
        if self.port is None:
            return f"{self.source} > {self.destination} {self.protocol}"
        host = f"[{self.destination}]" if ":" in str(self.destination) else str(self.destination)
        return f"{self.source} > {host}:{self.port} {self.protocol}"
