"""Which way a node sends a packet on."""

from wayhome.network import (
    Action,
    Choice,
    DeliverAttached,
    Drop,
    Forward,
    Opaque,
    Place,
    Route,
    RoutingRule,
)
from wayhome.trace.forks import Fork, ForkKind, Forks
from wayhome.trace.matching import addresses_match
from wayhome.trace.packet import Packet


def find_routes(
    place: Place, packet: Packet, ingress: frozenset[str], mark: int, *, local: bool
) -> tuple[Route, ...]:
    """The routes that hold, by the first rule whose table says something; several for ECMP."""
    node = place.node
    for rule in node.rules:
        if _applies(rule, packet, ingress, mark, local=local):
            routes = node.tables[rule.table].lookup(packet.destination, ingress)
            if routes:
                return routes
    return ()


def _applies(
    rule: RoutingRule, packet: Packet, ingress: frozenset[str], mark: int, *, local: bool
) -> bool:
    return (
        (not rule.ingress or not rule.ingress.isdisjoint(ingress))
        and (rule.mark is None or rule.mark == mark)
        and (rule.protocol is None or rule.protocol is packet.protocol)
        and addresses_match(rule, packet, local=local)
    )


def pick_route(routes: tuple[Route, ...], forks: Forks) -> Route:
    """One of several equal routes."""
    if len(routes) == 1:
        return routes[0]
    options = tuple(
        f"{route.kind} route {number}: {describe(route.action)}"
        for number, route in enumerate(routes, 1)
    )
    return routes[forks.pick(Fork(ForkKind.SPREAD, options, "several equal routes"), routes)]


def resolve(action: Action, place: Place, packet: Packet, forks: Forks) -> str | Drop | Opaque:
    """The port that a route's action leads to, or where the packet ends."""
    match action:
        case Forward(port):
            return port
        case DeliverAttached(otherwise):
            ports = place.attached(packet.destination)
            if len(ports) < 2:
                return ports[0] if ports else otherwise
            fact = f"several ports of {place.node.name} own {packet.destination}"
            # One for all flows: the tuple that the place keeps stands for the fact.
            return ports[forks.pick(Fork(ForkKind.CHOICE, ports, fact), ports)]
        case Choice(alternatives, fact, missing):
            options = tuple(describe(alternative) for alternative in alternatives)
            kind = ForkKind.CHOICE if missing is None else ForkKind.MISSING
            option = forks.pick(Fork(kind, options, fact, missing), action)
            return resolve(alternatives[option], place, packet, forks)
        case Drop() | Opaque():
            return action


def describe(action: Action) -> str:
    """An action in a few words."""
    match action:
        case Forward(port):
            return f"by port {port}"
        case DeliverAttached():
            return "to the port that owns the destination"
        case Drop(cause):
            return f"dropped: {cause}"
        case Choice(fact=fact):
            return f"one of several: {fact}"
        case Opaque(missing):
            return f"not known: {missing.fact}"
