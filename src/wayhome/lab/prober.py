"""Probes inside a lab: many at once, each from its own node, ended as soon as its packet is seen to die.

Each drop that the lab sees is matched with the attempts that are running. A packet that goes to an attempt's
destination was its request; a packet that comes from there is its reply, and where the reply was going is the
address that the target saw. Ports decide between attempts. On a reply to a masqueraded connection the port may be a
translated one that nobody here knows; it is then matched if only one attempt could have caused it, and is left to
the time-out otherwise. Ports of attempts that are over are remembered: their targets repeat a lost reply for a while,
and it must not count against the attempts that came later.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from wayhome.lab.drops import DropLog
from wayhome.lab.network import Network
from wayhome.lab.packets import Packet
from wayhome.lab.topology import Address
from wayhome.lab.witness import EchoWitness
from wayhome.probe.attempt import TIMEOUT_SECONDS, Attempt, open_attempt, run
from wayhome.probe.flow import Flow, identifiers
from wayhome.probe.observation import Leg, Loss, Observation, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What to try: from a node, to an address of a node."""

    source: str
    destination: str
    address: Address
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class _Running:
    attempt: Attempt
    lost: asyncio.Future[Loss]


class Prober:
    """Makes attempts in one network. Its event loop lives as long as it does."""

    def __init__(self, network: Network, seconds: float = TIMEOUT_SECONDS) -> None:
        """Probe a network that is up; `seconds` is the time-out of each attempt."""
        self._network = network
        self._seconds = seconds
        self._identifiers = identifiers()
        self._running: list[_Running] = []
        self._spent: set[int] = set()
        self._held = ExitStack()
        self._runner = self._held.enter_context(asyncio.Runner())
        self._witnesses: dict[str, EchoWitness] = {}

    def probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        """Make all attempts at once; the observations come in the order of the requests. Raises OSError."""
        return self._runner.run(self._probe(requests))

    async def _probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        loop = asyncio.get_running_loop()
        for log in self._network.drop_logs:
            log.read()  # what died before concerns nobody any more
            loop.add_reader(log.fileno(), self._notice, log)
        with ExitStack() as sockets:
            try:
                self._running = [
                    _Running(sockets.enter_context(self._open(request)), loop.create_future())
                    for request in requests
                ]
                seen = await asyncio.gather(
                    *(run(one.attempt, one.lost, self._seconds) for one in self._running)
                )
                return tuple(map(self._with_witness, requests, self._running, seen))
            finally:
                self._spent |= {one.attempt.flow.identifier for one in self._running}
                self._running = []
                for log in self._network.drop_logs:
                    loop.remove_reader(log.fileno())

    def _open(self, request: Request) -> Attempt:
        if request.protocol is Protocol.ICMP and request.destination not in self._witnesses:
            witness = EchoWitness(self._network.namespace(request.destination))
            self._held.callback(witness.close)
            self._witnesses[request.destination] = witness
        with self._network.namespace(request.source).entered():
            return open_attempt(request.protocol, request.address, self._identifiers)

    def _with_witness(
        self, request: Request, running: _Running, observation: Observation
    ) -> Observation:
        if request.protocol is not Protocol.ICMP:
            return observation
        source = self._witnesses[request.destination].source_of(running.attempt.nonce)
        return replace(observation, source_seen=source or observation.source_seen)

    def _notice(self, log: DropLog) -> None:
        for drop in log.read():
            if not (packet := drop.packet):
                continue
            waiting = [one for one in self._running if not one.lost.done()]
            if found := match(packet, [one.attempt.flow for one in waiting], self._spent):
                flow, leg = found
                loss = Loss(leg, drop.node, drop.cause, packet.destination)
                next(w for w in waiting if w.attempt.flow is flow).lost.set_result(loss)
            # Also where nobody was found: its repeats shall not be somebody else's.
            known = {one.attempt.flow.port for one in self._running}
            self._spent |= {packet.source_port, packet.destination_port} - known

    def close(self) -> None:
        """Let go of the event loop and of the sockets on the targets."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def match(
    packet: Packet, flows: Iterable[Flow], spent: Collection[int] = ()
) -> tuple[Flow, Leg] | None:
    """The flow that a packet belongs to, and whether the packet is its request or its reply.

    `spent` are the clients' ports of attempts that are over: a target repeats its reply for a minute.
    """
    guesses = []
    for flow in flows:
        there = (flow.transport, flow.destination, flow.port)
        if there == (packet.transport, packet.destination, packet.destination_port):
            leg, port = Leg.REQUEST, packet.source_port
        elif there == (packet.transport, packet.source, packet.source_port):
            leg, port = Leg.REPLY, packet.destination_port
        else:
            continue
        if port == flow.identifier:
            return flow, leg
        if port not in spent:
            guesses.append((flow, leg))
    return guesses[0] if len(guesses) == 1 else None
