"""What is known of attempts while they run: where their packets were seen to end.

Each attempt has a future that is done as soon as one of its packets is seen to die, there or on its way home; nobody
waits for a time-out then. A reply that is delivered where no socket of the attempt waits for it is lost too.

A delivery is logged before its reply is, but on another node, whose log may not have been read yet: who asks for the
source that the other side saw reads all logs before (`read`).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wayhome.lab.compiled.built import BuiltNetwork, NodeLog, Sighted
from wayhome.lab.compiled.sightings import Relay, Sender, Sightings
from wayhome.lab.packets import Packet
from wayhome.probe.observation import Address, Leg, Loss
from wayhome.trace import Lost
from wayhome.trace.exchange import REPLY_NOT_EXPECTED

LEGS = {Lost.FORWARD: Leg.REQUEST, Lost.REPLY: Leg.REPLY}


@dataclass(slots=True)
class Outcome:
    """What is known of one attempt so far. The source is the one with which it came to the node that it was for."""

    lost: asyncio.Future[Loss]
    source_seen: Address | None = None
    delivered_to: str | None = None

    def lose(self, loss: Loss) -> None:
        """It is lost; of several losses the first counts."""
        if not self.lost.done():
            self.lost.set_result(loss)


class Watch:
    """Follows the attempts in one network. `sightings` is told what they send."""

    def __init__(self, built: BuiltNetwork) -> None:
        """Follow nobody yet."""
        self.sightings = Sightings()
        self.outcomes: list[Outcome] = []
        self._built = built

    @contextmanager
    def over(self, attempts: int) -> Iterator[list[Outcome]]:
        """Follow so many attempts, which are numbered from 0, within the block. What is seen later is nobody's.

        The event loop reads before the attempts send: what died before is nobody's too, and leaves its room.
        """
        loop = asyncio.get_running_loop()
        self.outcomes = [Outcome(loop.create_future()) for _ in range(attempts)]
        for log in self._built.logs:
            loop.add_reader(log.fileno(), self._read, log)
        try:
            yield self.outcomes
        finally:
            for log in self._built.logs:
                loop.remove_reader(log.fileno())
            self.sightings.forget()

    def read(self) -> None:
        """Take notice of all that was logged so far."""
        for log in self._built.logs:
            self._read(log)

    def _read(self, log: NodeLog) -> None:
        for sighted in log.read():
            self._sight(sighted)

    def _sight(self, sighted: Sighted) -> None:
        packet = sighted.packet
        found = self.sightings.flow_of(packet) if packet else None
        if packet is None or found is None:
            return
        senders, way = found
        outcome = self.outcomes[senders[0].attempt]
        if sighted.cause is not None:
            outcome.lose(_loss(way, sighted.node, sighted.cause, packet))
        elif way is Lost.FORWARD:
            if not self._is_at_its_relay(senders[0], sighted.node):
                outcome.source_seen = packet.source
                outcome.delivered_to = sighted.node
        elif not any(sender.waits_for(packet, sighted.node) for sender in senders):
            outcome.lose(_loss(way, sighted.node, REPLY_NOT_EXPECTED, packet))

    def _is_at_its_relay(self, sender: Sender | Relay, node: str) -> bool:
        """Whether an attempt has come to who relays it, and no further."""
        relay = self.sightings.relay_of(sender.attempt)
        return relay is not None and sender is not relay and node in relay.nodes


def _loss(way: Lost, node: str, cause: str, packet: Packet) -> Loss:
    return Loss(LEGS[way], node, cause, packet.destination)
