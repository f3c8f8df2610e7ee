"""Whose packet was seen, and which way it was on.

What a packet carries inside no translation changes (`lab.marks`): TCP's numbers, and a nonce in each datagram and echo.
Each attempt has numbers of its own; a proxy that opens a second connection for it begins with others, which then are
the attempt's too. So a sighting anywhere belongs to one attempt, behind any number of translations and proxies. Of a
proxy that is a program of its own it is known where it connects to, and nothing else there is without a mark.
"""

import socket
from dataclasses import dataclass

from wayhome.lab.marks import SPAN, first_sequences
from wayhome.lab.packets import Packet
from wayhome.probe.echo import NONCE_BYTES
from wayhome.probe.flow import identifiers
from wayhome.trace import Lost

REQUEST, REPLY = b"?", b"!"
"""What follows the nonce in a datagram, by its way; an echo has a type that tells."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a flow: the attempt, the node, and the socket, whose address may be chosen as it sends."""

    attempt: int
    node: str
    channel: socket.socket
    destination: tuple[str, int]

    def waits_for(self, packet: Packet, node: str) -> bool:
        """Whether this socket, on its node, takes the packet for the reply."""
        if node != self.node:
            return False
        address, port = self.channel.getsockname()[:2]
        came_from = (str(packet.source), packet.source_port)
        went_to = (str(packet.destination), packet.destination_port)
        own = (
            went_to[0] if address in _ANY else address,
            port,
        )  # unbound: the kernel chose one as it sent
        return (came_from, went_to) == (self.destination, own)


_ANY = ("0.0.0.0", "::")  # noqa: S104 (nobody listens)


@dataclass(frozen=True, slots=True)
class Relay:
    """Programs on these nodes that open a second flow for the attempt, to `destination`. What they send has no mark.

    Whatever speaks with that address and has no mark is taken for theirs: nobody else may ask it meanwhile.
    """

    attempt: int
    nodes: frozenset[str]
    destination: tuple[str, int]

    def waits_for(self, packet: Packet, node: str) -> bool:  # noqa: ARG002 (their sockets cannot be looked at)
        """Whether one of them, on that node, may take the packet for the reply."""
        return node in self.nodes

    def way(self, packet: Packet) -> Lost | None:
        """Which way a packet was on; None for one that is not theirs."""
        if (str(packet.destination), packet.destination_port) == self.destination:
            return Lost.FORWARD
        if (str(packet.source), packet.source_port) == self.destination:
            return Lost.REPLY
        return None


class Sightings:
    """Which flow a packet belongs to. `ports` are source ports and echo identifiers that nobody had yet."""

    def __init__(self) -> None:
        self.ports = identifiers()
        self._numbers = first_sequences()
        self._by_number: dict[int, Sender] = {}
        self._by_nonce: dict[bytes, list[Sender]] = {}
        self._relays: dict[int, Relay] = {}

    def relayed(self, relay: Relay) -> None:
        """An attempt will be relayed by programs that are not ours."""
        self._relays[relay.attempt] = relay

    def relay_of(self, attempt: int) -> Relay | None:
        """Who relays an attempt."""
        return self._relays.get(attempt)

    def begins(self, sender: Sender) -> int:
        """The number with which a TCP connection is to begin."""
        first = next(self._numbers)
        self._by_number[first // SPAN] = sender
        return first

    def sends(self, nonce: bytes, sender: Sender) -> None:
        """Datagrams or echoes will carry this nonce."""
        self._by_nonce.setdefault(nonce, []).append(sender)

    def attempt_of(self, nonce: bytes) -> int | None:
        """Which attempt has this nonce."""
        senders = self._by_nonce.get(nonce)
        return senders[0].attempt if senders else None

    def flows_of(self, nonce: bytes) -> int:
        """How many flows there are of the attempt: one more for each proxy."""
        return len(self._by_nonce.get(nonce, ()))

    def forget(self) -> None:
        """What is seen from now on belongs to nobody."""
        self._by_number.clear()
        self._by_nonce.clear()
        self._relays.clear()

    def flow_of(self, packet: Packet) -> tuple[tuple[Sender | Relay, ...], Lost] | None:
        """Who may have sent the flow, and which way the packet was on; None for a packet that is nobody's."""
        return self._marked(packet) or self._relayed(packet)

    def _relayed(self, packet: Packet) -> tuple[tuple[Relay], Lost] | None:
        for relay in self._relays.values():
            if way := relay.way(packet):
                return (relay,), way
        return None

    def _marked(self, packet: Packet) -> tuple[tuple[Sender, ...], Lost] | None:
        if packet.transport == socket.IPPROTO_TCP:
            return self._tcp(packet)
        senders = self._by_nonce.get(packet.payload[:NONCE_BYTES])
        if senders is None:
            return None
        if packet.transport == socket.IPPROTO_UDP:
            reply = packet.payload[NONCE_BYTES : NONCE_BYTES + 1] == REPLY
        else:
            reply = packet.destination_port != 0
        return tuple(senders), Lost.REPLY if reply else Lost.FORWARD

    def _tcp(self, packet: Packet) -> tuple[tuple[Sender, ...], Lost] | None:
        # What is told of a connection's opening has one number of ours, the answer's being an acknowledgement; the number
        # that the other side begins with is any, and may look like one of ours.
        for number, way in (
            (packet.acknowledgement, Lost.REPLY),
            (packet.sequence, Lost.FORWARD),
        ):
            if number is not None and (sender := self._by_number.get(number // SPAN)):
                return (sender,), way
        return None
