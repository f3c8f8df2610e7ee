"""How large a packet may be. Pure.

A host tells a sender that its own way on takes less than what it sent, and its kernel does so here. A fabric does not:
what is larger than it carries is gone. So where a host's port has a larger MTU than the fabric's at the link's other
end, the link carries the larger one, and what is too large is dropped, and seen, where it arrives.
"""

from collections.abc import Iterator

from wayhome.network import End, Link, Network

TOO_LARGE = "LARGER_THAN_MTU"
"""The cause of such a packet's end; no analyzer has a name for it."""


def mtu(network: Network, link: Link) -> int | None:
    """What the link itself carries."""
    return max((value for _, value in _ends(network, link)), default=None)


def narrow_ends(network: Network, link: Link) -> list[End]:
    """The ends that take less than the link carries."""
    most = mtu(network, link)
    return [end for end, value in _ends(network, link) if most is not None and value < most]


def narrow_ports(network: Network) -> dict[str, list[str]]:
    """The ports of all such ends, by node."""
    found: dict[str, list[str]] = {}
    for link in network.links:
        for end in narrow_ends(network, link):
            found.setdefault(end.node, []).append(end.port)
    return found


def _ends(network: Network, link: Link) -> Iterator[tuple[End, int]]:
    for end in (link.a, link.b):
        value = network.places[end.node].ports[end.port].mtu
        if value is not None:
            yield end, value
