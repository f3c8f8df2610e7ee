"""Names of the protocols that connection tracking knows by more than their addresses (IANA, Protocol Numbers)."""

_NAMES = {
    1: "icmp",
    6: "tcp",
    17: "udp",
    33: "dccp",
    47: "gre",
    58: "icmpv6",
    132: "sctp",
    136: "udplite",
}


def protocol_name(number: int) -> str:
    """The name, or the number where it has none here."""
    return _NAMES.get(number, str(number))
