"""Protocols and ports of rules. What no flow that we trace can be (esp, sctp, …) matches nothing."""

from collections.abc import Iterable

from wayhome.clouds.values import PortRange
from wayhome.network.flow import Protocol
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.prefixes import Family

ALL = "all"
ICMP_OF = {
    "icmp": Family.IPV4,
    "1": Family.IPV4,
    "icmpv6": Family.IPV6,
    "ipv6-icmp": Family.IPV6,
    "58": Family.IPV6,
}
"""Whose ICMP a name means."""
_PROTOCOLS = {
    "tcp": Protocol.TCP,
    "6": Protocol.TCP,
    "udp": Protocol.UDP,
    "17": Protocol.UDP,
    **dict.fromkeys(ICMP_OF, Protocol.ICMP),
}


def protocol_matches(
    items: Iterable[tuple[str, tuple[PortRange, ...]]],
) -> tuple[ProtocolMatch, ...] | None:
    """From pairs of a protocol and its ports, as exported; None is everything."""
    found = []
    for name, ports in items:
        if name.lower() == ALL:
            return None
        protocol = _PROTOCOLS.get(name.lower())
        if protocol is not None:
            spans = (
                () if protocol is Protocol.ICMP else tuple((one.first, one.last) for one in ports)
            )
            found.append(ProtocolMatch(protocol, spans))
    return tuple(found)
