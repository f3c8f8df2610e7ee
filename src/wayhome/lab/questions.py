"""All flows between the endpoints of a network, or a sample of them."""

import random
from collections.abc import Iterator, Sequence

from wayhome.lab.compiled.asked import Asked
from wayhome.network import Address, Flow, Network, Node, NodeKind, Protocol

PORT = 80
_NAMED = (NodeKind.POD, NodeKind.INSTANCE)


def questions(network: Network) -> Iterator[Asked]:
    """Each Pod and each instance asks each other one, and each site, by TCP and by ICMP."""
    named = [node for node in network.nodes if node.kind in _NAMED]
    for asking in named:
        for asked in network.nodes:
            if asked is not asking:
                for source, destination in _pairs(asking, asked):
                    yield Asked(Flow(source, destination, Protocol.TCP, PORT), asking.name)
                    yield Asked(Flow(source, destination, Protocol.ICMP), asking.name)


def sample(found: Sequence[Asked], size: int | None, seed: int) -> list[Asked]:
    """Some of them, in their order; all without a size."""
    if size is None or size >= len(found):
        return list(found)
    chosen = sorted(random.Random(seed).sample(range(len(found)), size))  # noqa: S311 (no secret)
    return [found[number] for number in chosen]


def _pairs(asking: Node, asked: Node) -> Iterator[tuple[Address, Address]]:
    """First addresses of each family that both have."""
    theirs = _firsts(asked)
    for source in _firsts(asking):
        yield from ((source, other) for other in theirs if other.family is source.family)


def _firsts(node: Node) -> list[Address]:
    """An endpoint's own first addresses; of a site, of which no host is known, the second one of its prefixes."""
    found: dict[object, Address] = {}
    if node.kind in _NAMED:
        for address in node.addresses:
            found.setdefault(address.family, address)
    if node.kind is NodeKind.SITE:
        for prefix in node.local:
            address = Address(prefix.family, min(prefix.first + 1, prefix.last))
            found.setdefault(prefix.family, address)
    return list(found.values())
