"""A packet's way from the node that sends it to where it ends. Pure: the same network, packet and script, the same way."""

from dataclasses import dataclass, field

from wayhome.network import Drop, Missing, Network, Place
from wayhome.trace.forks import Forks
from wayhome.trace.hop import Hop, dropped
from wayhome.trace.packet import Packet
from wayhome.trace.tracking import Tracking
from wayhome.trace.visit import Ended, Visit

ROUTING_LOOP = "ROUTING_LOOP"
LIFE = 64
"""Hops after which a packet ends, if no loop is seen before: it may be another one each time it comes by (ip_default_ttl)."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The hops, where the last one is, and what the packet looked like there.

    `ended` is what stopped it: a drop, or what is not known; None where it was delivered.
    """

    hops: tuple[Hop, ...]
    node: str
    packet: Packet
    ended: Drop | Missing | None


@dataclass(frozen=True, slots=True)
class Walker:
    """Walks packets through one network, along one script of forks, with one memory for all of them."""

    network: Network
    forks: Forks
    tracking: Tracking = field(default_factory=Tracking)

    def walk(self, packet: Packet, at: str, *, is_reply: bool = False) -> Walk:
        """Send a packet from a node: a flow's first one, or the reply to it."""
        hops: list[Hop] = []
        met: set[tuple[str, str | None, Packet]] = set()
        entered: str | None = None
        while True:
            place = self.network.places[at]
            arrival = (at, entered, packet)
            if arrival in met or len(hops) == LIFE:
                return _loop(hops, place, entered, packet)
            met.add(arrival)
            port = place.ports[entered] if entered else None
            visit = Visit(place, port, packet, self.tracking, self.forks, is_reply=is_reply)
            try:
                out = visit.go_on()
            except Ended as end:
                hops.append(Hop(at, tuple(visit.steps), entered, led_to=visit.led_to))
                return Walk(tuple(hops), at, visit.packet, end.by)
            packet = visit.packet
            left = out.name if out else None
            hops.append(Hop(at, tuple(visit.steps), entered, left, visit.led_to))
            if out is None:
                return Walk(tuple(hops), at, packet, None)
            at, entered = place.peers[out.name]


def _loop(hops: list[Hop], place: Place, entered: str | None, packet: Packet) -> Walk:
    loop = Drop(ROUTING_LOOP, f"{packet} comes by port {entered} again", place.node.evidence)
    hop = Hop(place.node.name, (dropped(loop),), entered)
    return Walk((*hops, hop), place.node.name, packet, loop)
