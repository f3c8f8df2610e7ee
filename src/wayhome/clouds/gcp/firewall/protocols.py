"""Protocols and ports of rules. What no flow that we trace can be (esp, sctp, …) matches nothing."""

from collections.abc import Iterable

from wayhome.network.flow import Protocol
from wayhome.network.protocol_match import ProtocolMatch

_PROTOCOLS = {
    "tcp": Protocol.TCP,
    "6": Protocol.TCP,
    "udp": Protocol.UDP,
    "17": Protocol.UDP,
    "icmp": Protocol.ICMP,
    "1": Protocol.ICMP,
    "icmpv6": Protocol.ICMP,
    "58": Protocol.ICMP,
}
ALL = "all"


def protocol_matches(
    items: Iterable[tuple[str, tuple[str, ...]]],
) -> tuple[ProtocolMatch, ...] | None:
    """From pairs of a protocol and its ports, as exported; None is everything."""
    found = []
    for name, ports in items:
        if name.lower() == ALL:
            return None
        protocol = _PROTOCOLS.get(name.lower())
        if protocol is not None:
            spans = () if protocol is Protocol.ICMP else tuple(_span(text) for text in ports)
            found.append(ProtocolMatch(protocol, spans))
    return tuple(found)


def _span(text: str) -> tuple[int, int]:
    """`22` or `8000-8080`. Raises ValueError."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)
