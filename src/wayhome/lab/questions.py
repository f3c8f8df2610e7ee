"""All flows between the endpoints of a network, or a sample of them.

Pods, instances and sites ask for every address that somebody has or is reached by: those of all interfaces, of
Services, of host ports, of load balancers, external ones, and one of each site and of the internet, of which no host is
known. The internet asks for what is translated, such as external addresses: nearly all else is private, and has no
route there.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wayhome.lab.compiled.asked import Asked
from wayhome.network import (
    Address,
    Flow,
    Network,
    Node,
    NodeKind,
    Protocol,
    ProtocolMatch,
)
from wayhome.prefixes import Prefix

PORT = 80
DRAWS = 20
"""For each flow that is wanted of a large network: some of what is drawn cannot be asked."""
_NAMED = (NodeKind.POD, NodeKind.INSTANCE)
_VAST = (NodeKind.SITE, NodeKind.INTERNET)
_EVERY = (ProtocolMatch(Protocol.TCP), ProtocolMatch(Protocol.UDP), ProtocolMatch(Protocol.ICMP))


@dataclass(frozen=True, slots=True)
class _Destination:
    address: Address
    protocol: Protocol
    port: int | None


@dataclass(frozen=True, slots=True)
class _Destinations:
    """What the internet asks for, and what everybody else does."""

    translated: Sequence[_Destination]
    every: Sequence[_Destination]

    @classmethod
    def of(cls, network: Network) -> "_Destinations":
        translated = dict.fromkeys(one for node in network.nodes for one in _translated(node))
        had = dict.fromkeys(one for node in network.nodes for one in _had(node))
        return cls(list(translated), list(had | translated))

    def of_node(self, node: Node) -> Sequence[_Destination]:
        return self.translated if node.kind is NodeKind.INTERNET else self.every


def _asked(network: Network, node: Node, source: Address, to: _Destination) -> Asked | None:
    """Nobody asks for what he has, or for another family."""
    if to.address.family is not source.family or network.places[node.name].is_local(to.address):
        return None
    return Asked(Flow(source, to.address, to.protocol, to.port), node.name)


def questions(network: Network) -> Iterator[Asked]:
    """From each address of who asks, to all that it has not itself, by TCP, UDP and ICMP; nothing twice."""
    destinations = _Destinations.of(network)
    for node in network.nodes:
        for source in _sources(node):
            for to in destinations.of_node(node):
                if asked := _asked(network, node, source, to):
                    yield asked


def drawn(network: Network, size: int, seed: int) -> list[Asked]:
    """Some of them, of a network that has too many to list: millions, where it has thousands of hosts.

    Fewer than `size`, where most of what is drawn cannot be asked.
    """
    destinations, chance = _Destinations.of(network), random.Random(seed)  # noqa: S311 (no secret)
    sources = [(node, source) for node in network.nodes for source in _sources(node)]
    found: dict[Asked, None] = {}
    for _ in range(size * DRAWS if sources else 0):
        node, source = chance.choice(sources)
        among = destinations.of_node(node)
        if among and (asked := _asked(network, node, source, chance.choice(among))):
            found[asked] = None
        if len(found) == size:
            break
    return list(found)


def sample(found: Sequence[Asked], size: int | None, seed: int) -> list[Asked]:
    """Some of them, in their order; all without a size."""
    if size is None or size >= len(found):
        return list(found)
    chosen = sorted(random.Random(seed).sample(range(len(found)), size))  # noqa: S311 (no secret)
    return [found[number] for number in chosen]


def _sources(node: Node) -> Iterable[Address]:
    if node.kind in _NAMED:
        return node.addresses
    return _hosts(node) if node.kind in _VAST else ()


def _had(node: Node) -> Iterator[_Destination]:
    """Its own addresses, those of balancers in front of it and of ranges behind it; of a site, one."""
    behind = map(_middle, node.local) if node.kind in _NAMED else _hosts(node)
    for address in (*node.addresses, *behind):
        yield from _asked_for(address, _EVERY)


def _translated(node: Node) -> Iterator[_Destination]:
    """What its rules are for: external addresses, Services, host ports."""
    for rule in node.translation_in:
        for prefix in rule.destinations.prefixes if rule.destinations else ():
            yield from _asked_for(_middle(prefix), rule.protocols or _EVERY)


def _asked_for(address: Address, protocols: Iterable[ProtocolMatch]) -> Iterator[_Destination]:
    for match in protocols:
        if match.protocol is Protocol.ICMP:
            yield _Destination(address, Protocol.ICMP, None)
        elif match.protocol is not None:
            port = max(match.ports[0][0], 1) if match.ports else PORT
            yield _Destination(address, match.protocol, port)


def _hosts(node: Node) -> list[Address]:
    """One for each family, out of the widest prefix."""
    widest = {
        prefix.family: prefix for prefix in sorted(node.local, key=lambda p: p.length, reverse=True)
    }
    return [_middle(prefix) for prefix in widest.values()]


def _middle(prefix: Prefix) -> Address:
    return Address(prefix.family, (prefix.first + prefix.last + 1) // 2)
