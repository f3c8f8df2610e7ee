"""The flow that a proxy opens when it has accepted one."""

from wayhome.network import Address, Drop, Forward, Listener, Place, Route
from wayhome.trace.forks import Forks
from wayhome.trace.packet import BY_SYSTEM, Packet
from wayhome.trace.routing import find_routes
from wayhome.trace.translating import NO_ADDRESS, pick_target


def second_flow(place: Place, accepted: Packet, listener: Listener, forks: Forks) -> Packet | Drop:
    """Its first packet, from the proxy's own address."""
    target = pick_target(listener.upstreams, forks)
    port = accepted.destination_port if target.port is None else target.port
    asked = Packet(target.address, target.address, listener.protocol, BY_SYSTEM, port)
    source = _source(place, asked)
    if source is None:
        detail = f"{place.node.name} has no IPv{target.address.family:d} address"
        return Drop(NO_ADDRESS, detail, listener.evidence)
    return asked.sent_from(source, BY_SYSTEM)


def _source(place: Place, asked: Packet) -> Address | None:
    """What the kernel chooses for a socket without an address: the first one of the port that the route leaves by."""
    source = place.own_address(asked.destination.family)
    if source is None:
        return None
    from_here = asked.sent_from(source, asked.source_port)
    match find_routes(place, from_here, frozenset(), 0, local=True):
        case [Route(action=Forward(port)), *_]:
            return place.own_address(asked.destination.family, place.ports[port])
        case _:
            return source
