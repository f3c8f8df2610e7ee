"""A packet out, and its reply home; where a proxy listens, a second flow between the two.

The reply has arrived only where the very socket that sent is waiting for it: at the node that sent, with the addresses
and ports of the flow turned around. Anything else is lost, even if it is delivered somewhere.

A proxy accepts a TCP connection before it opens another one, so the first reply is on its way before the second flow
is; of UDP it has nothing to answer before it has an answer itself.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from wayhome.network import Drop, Flow, Listener, Missing, Network, Node, Protocol, Verdict
from wayhome.trace.forks import Forks
from wayhome.trace.hop import PROXY_CONNECTION, Hop, Step, dropped
from wayhome.trace.packet import Packet
from wayhome.trace.proxy import second_flow
from wayhome.trace.walk import ROUTING_LOOP, Walk, Walker

REPLY_NOT_EXPECTED = "REPLY_NOT_EXPECTED"
"""The reply is delivered, and no socket waits for it; no analyzer has a name for it."""

MOST_PROXIES = 8


class Lost(StrEnum):
    """Which way the packet was that did not arrive."""

    FORWARD = "forward"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of a flow on one way through the network.

    `ended` is what stopped it, and None where the reply came home. `delivered_to` is the node at which the packet ended
    as wanted, behind all proxies, and `packet` what it looked like there. A second flow of a proxy follows the first in
    `forward`, and in `reply` its reply goes before.
    """

    forward: tuple[Hop, ...]
    reply: tuple[Hop, ...]
    lost: Lost | None
    ended: Drop | Missing | None
    delivered_to: str | None
    packet: Packet

    @property
    def verdict(self) -> Verdict:
        """REACHABLE, UNREACHABLE or, where it ended at what is not known, UNDETERMINED."""
        match self.ended:
            case None:
                return Verdict.REACHABLE
            case Missing():
                return Verdict.UNDETERMINED
            case Drop():
                return Verdict.UNREACHABLE


@dataclass(frozen=True, slots=True)
class _Leg:
    """One flow on its way out: the packet as its sender sent it, and where it was delivered.

    `accepted` is the reply of a proxy that has accepted the connection.
    """

    sender: str
    sent: Packet
    out: Walk
    accepted: Walk | None = None

    def ended(self, home: Walk) -> Drop | Missing | None:
        """What stopped the reply, which has come home only to the socket that waits for it."""
        if home.ended is None and (home.node, home.packet) != (self.sender, self.sent.turned()):
            detail = f"{home.node} gets {home.packet}; {self.sender} waits for {self.sent.turned()}"
            return Drop(REPLY_NOT_EXPECTED, detail)
        return home.ended


def exchange(network: Network, flow: Flow, at: str, forks: Forks) -> Exchange:
    """Send a flow's first packet from a node, and the reply to it."""
    walker = Walker(network, forks)
    legs: list[_Leg] = []
    forward: tuple[Hop, ...] = ()
    sender, packet = at, Packet.first_of(flow)
    while True:
        out = walker.walk(packet, sender)
        forward += out.hops
        if out.ended:
            return Exchange(forward, (), Lost.FORWARD, out.ended, None, out.packet)
        leg = _Leg(sender, packet, out)
        listener = _listener(network.places[out.node].node, out.packet)
        if listener is None:
            return _replies(walker, [*legs, leg], forward)
        if listener.protocol is Protocol.TCP:
            leg = replace(leg, accepted=_reply(walker, leg))
            if leg.accepted and (ended := leg.ended(leg.accepted)):
                reply = _told(leg.accepted.hops, leg.accepted, ended)
                return Exchange(forward, reply, Lost.REPLY, ended, out.node, out.packet)
        legs.append(leg)
        opened = second_flow(network.places[out.node], out.packet, listener, forks)
        if isinstance(opened, Packet) and len(legs) > MOST_PROXIES:
            opened = Drop(ROUTING_LOOP, f"more than {MOST_PROXIES} proxies", listener.evidence)
        if isinstance(opened, Drop):
            forward = _append(forward, dropped(opened))
            return Exchange(forward, (), Lost.FORWARD, opened, None, out.packet)
        detail = f"a new flow from {opened.source} to {opened.destination}"
        forward = _append(forward, Step(PROXY_CONNECTION, detail, listener.evidence))
        sender, packet = out.node, opened


def _replies(walker: Walker, legs: list[_Leg], forward: tuple[Hop, ...]) -> Exchange:
    """The last flow is answered first: a proxy answers when it has an answer."""
    end = legs[-1].out
    reply: tuple[Hop, ...] = ()
    for leg in reversed(legs):
        home = leg.accepted or _reply(walker, leg)
        reply += home.hops
        if ended := leg.ended(home):
            reply = _told(reply, home, ended)
            return Exchange(forward, reply, Lost.REPLY, ended, end.node, end.packet)
    return Exchange(forward, reply, None, None, end.node, end.packet)


def _reply(walker: Walker, leg: _Leg) -> Walk:
    return walker.walk(leg.out.packet.turned(), leg.out.node, is_reply=True)


def _told(hops: tuple[Hop, ...], home: Walk, ended: Drop | Missing) -> tuple[Hop, ...]:
    """With the step that says that nobody waits for it, where the walk itself ended well."""
    if home.ended is None and isinstance(ended, Drop):
        return _append(hops, dropped(ended))
    return hops


def _listener(node: Node, packet: Packet) -> Listener | None:
    for listener in node.listeners:
        if (listener.protocol, listener.port) == (packet.protocol, packet.destination_port):
            return listener
    return None


def _append(hops: tuple[Hop, ...], step: Step) -> tuple[Hop, ...]:
    last = hops[-1]
    return (*hops[:-1], replace(last, steps=(*last.steps, step)))
