"""What there is in a network, found by looking at everything."""

from tests.trace.naive.states import Wire

from wayhome.network import (
    Address,
    Listener,
    Network,
    Node,
    Port,
    PrefixSet,
    Route,
)
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.prefixes import Prefix


def held(prefixes: PrefixSet | None, address: Address) -> bool:
    return prefixes is None or any(
        p.contains(address.family, address.value) for p in prefixes.prefixes
    )


def spoken(matches: tuple[ProtocolMatch, ...] | None, wire: Wire) -> bool:
    return matches is None or any(
        m.protocol in {None, wire.protocol}
        and (not m.ports or any(low <= wire.dport <= high for low, high in m.ports))
        for m in matches
    )


def longest(prefixes: list[Prefix], address: Address) -> int:
    return max((p.length for p in prefixes if p.contains(*address)), default=-1)


def node(network: Network, name: str) -> Node:
    return next(node for node in network.nodes if node.name == name)


def port(node: Node, name: str) -> Port:
    return next(port for port in node.ports if port.name == name)


def peer(network: Network, node: str, port: str) -> tuple[str, str]:
    for link in network.links:
        for one, other in ((link.a, link.b), (link.b, link.a)):
            if tuple(one) == (node, port):
                return other.node, other.port
    raise AssertionError(node, port)


def own(node: Node, port: Port | None, like: Address) -> Address | None:
    candidates = (*(port.addresses if port else ()), *node.addresses)
    return next((a for a in candidates if a.family is like.family), None)


def local(node: Node, address: Address) -> bool:
    return address in node.addresses or any(p.contains(*address) for p in node.local)


def listener(node: Node, wire: Wire) -> Listener | None:
    for listener in node.listeners:
        if listener.protocol is wire.protocol and listener.port == wire.dport:
            return listener
    return None


def routes(
    node: Node, wire: Wire, ingress: frozenset[str], mark: int, *, local: bool
) -> list[Route]:
    for rule in node.rules:
        if rule.ingress and not rule.ingress & ingress:
            continue
        if rule.mark is not None and rule.mark != mark:
            continue
        if rule.protocol is not None and rule.protocol is not wire.protocol:
            continue
        if rule.locally_sent is not None and rule.locally_sent != local:
            continue
        if not held(rule.sources, wire.source) or not held(rule.destinations, wire.destination):
            continue
        usable = [
            route
            for route in node.tables[rule.table].routes
            if route.destination.contains(*wire.destination)
            and (not route.classes or route.classes & ingress)
        ]
        length = max((route.destination.length for route in usable), default=-1)
        usable = [route for route in usable if route.destination.length == length]
        best = min((route.order for route in usable), default=0)
        if usable:
            return [route for route in usable if route.order == best]
    return []
