"""Which addresses Google takes for private: never routed to the internet, and always exchanged between peers.

The list is that of "Valid IPv4 ranges" for subnets (https://docs.cloud.google.com/vpc/docs/subnets): RFC 1918, shared
address space, and the special ranges that may be used in a VPC. Everything else that a subnet may hold is a privately
used public range.
"""

from collections.abc import Iterator

from wayhome.prefixes import Family, Prefix

PRIVATE = tuple(
    Prefix.parse(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "fc00::/7",
    )
)

LINK_LOCAL = (Prefix.parse("169.254.0.0/16"), Prefix.parse("fe80::/10"))

EVERYTHING = (Prefix(Family.IPV4, 0, 0), Prefix(Family.IPV6, 0, 0))


def is_private(prefix: Prefix) -> bool:
    """Whether all of the prefix is private."""
    return any(private.holds(prefix) for private in PRIVATE)


def enclosing(prefix: Prefix) -> Iterator[Prefix]:
    """The prefix itself, and all that hold it."""
    for length in range(prefix.length + 1):
        host_bits = prefix.family.bits - length
        yield Prefix(prefix.family, prefix.first >> host_bits << host_bits, length)
