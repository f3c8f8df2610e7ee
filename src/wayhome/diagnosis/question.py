"""What is asked: from whom, to where, by which protocol."""

from dataclasses import dataclass
from typing import Self

from wayhome.clouds.endpoints import (
    Endpoint,
    EndpointError,
    find_destination,
    find_source,
    split_port,
)
from wayhome.clouds.estate import Estate
from wayhome.network import Address, Flow, Network, Protocol

HTTP = 80
"""The port that is asked about where only the protocol was said."""


@dataclass(frozen=True, slots=True)
class Question:
    """As a person writes it: names or addresses. Without a port it asks for an ICMP echo."""

    source: str
    destination: str
    protocol: Protocol
    port: int | None

    @classmethod
    def parse(cls, source: str, destination: str, protocol: Protocol | None = None) -> Self:
        """Read `SOURCE DESTINATION[:PORT]`. Raises EndpointError."""
        host, port = split_port(destination)
        if protocol is None:
            protocol = Protocol.ICMP if port is None else Protocol.TCP
        if protocol is Protocol.ICMP and port is not None:
            raise EndpointError(f"ICMP has no ports; write {host}, or --protocol tcp")
        if protocol is not Protocol.ICMP and port is None:
            port = HTTP
        return cls(source, host, protocol, port)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        host = f"[{self.destination}]" if port and ":" in self.destination else self.destination
        return f"{self.source} {host}{port}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one network: the source's node, and the flow that it opens."""

    source: Endpoint
    flow: Flow


def ask(estate: Estate, network: Network, question: Question) -> Asked:
    """Find out who is meant. Raises EndpointError."""
    found = find_destination(estate, network, question.destination)
    destination = found.address if isinstance(found, Endpoint) else found
    source = find_source(estate, network, question.source, found)
    own = _own_address(network, source, destination)
    return Asked(source, Flow(own, destination, question.protocol, question.port))


def _own_address(network: Network, source: Endpoint, destination: Address) -> Address:
    """The source's address of the destination's family."""
    if source.address.family is destination.family:
        return source.address
    for address in network.places[source.node].node.addresses:
        if address.family is destination.family:
            return address
    raise EndpointError(f"{source.name} has no address of the family of {destination}")
