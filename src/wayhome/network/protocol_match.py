"""Which protocols and destination ports a rule is about."""

from dataclasses import dataclass

from wayhome.network.flow import Protocol


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """One protocol, or all with None. `ports` are ranges of destination ports, both ends included; empty is any.

    A rule about protocols that no flow can have (esp, sctp) has an empty tuple of these, and matches nothing.
    """

    protocol: Protocol | None = None
    ports: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.ports and self.protocol not in {Protocol.TCP, Protocol.UDP}:
            raise ValueError("ports belong to tcp or udp")
        for first, last in self.ports:
            if not 0 <= first <= last < 65536:
                raise ValueError(f"{first}-{last} is not a range of ports")

    def matches(self, protocol: Protocol, port: int) -> bool:
        """Whether a packet to this port is meant."""
        if self.protocol is not None and self.protocol is not protocol:
            return False
        return not self.ports or any(first <= port <= last for first, last in self.ports)


def any_matches(matches: tuple[ProtocolMatch, ...] | None, protocol: Protocol, port: int) -> bool:
    """Whether one of them does; None stands for everything."""
    return matches is None or any(match.matches(protocol, port) for match in matches)
